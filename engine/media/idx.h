// The idx files of MNIST (Y. LeCun, C. Cortes, C. Burges): big-endian sizes, then unsigned bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "media/image.h"

namespace nibble::media {

struct IdxImages {
  std::string path;
  uint64_t count = 0;
  int height = 0, width = 0;
};

bool is_idx_images(const std::string& path);

// Checks the header against the file's real length.
Result<IdxImages> open_idx_images(const std::string& path);

// One channel, values as they lie in the file.
Result<Image> read_idx_image(const IdxImages& file, uint64_t index);

Result<std::vector<uint8_t>> read_idx_labels(const std::string& path);

// The label file that belongs to "…images-idx3-ubyte" or "…images.idx3-ubyte", where it exists.
std::optional<std::string> idx_labels_beside(const std::string& images_path);

}  // namespace nibble::media

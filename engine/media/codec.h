// The only place that knows the picture library.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/image.h"

namespace nibble::media {

struct PictureSize {
  int width = 0;
  int height = 0;
  int channels = 0;
};

// Messages are the library's own words; callers put the file's name in front.
Result<PictureSize> decoded_size(std::span<const uint8_t> bytes);
Result<Image> decode_rgba(std::span<const uint8_t> bytes);  // always four channels, alpha not premultiplied
Result<std::vector<uint8_t>> encode_png(const Image& image);

}  // namespace nibble::media

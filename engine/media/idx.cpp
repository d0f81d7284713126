#include "media/idx.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/text.h"
#include "core/try.h"
#include "media/read_file.h"

namespace nibble::media {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr uint32_t kLabelsMagic = 0x00000801;
constexpr uint64_t kImagesHeader = 16, kLabelsHeader = 8;

uint32_t big32(const std::vector<uint8_t>& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

Error damaged(const std::string& path, const std::string& what) {
  return Error{Code::corrupt_file, format("%s: %s", path.c_str(), what.c_str())};
}

}  // namespace

bool is_idx_images(const std::string& path) {
  const auto start = read_start_of_file(path, 4);
  return start && start->size() == 4 && big32(*start, 0) == kImagesMagic;
}

Result<IdxImages> open_idx_images(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> header, read_start_of_file(path, kImagesHeader));
  if (header.size() < kImagesHeader || big32(header, 0) != kImagesMagic) {
    return damaged(path, "is no idx file of images (magic 00 00 08 03 expected)");
  }
  const uint64_t count = big32(header, 4), height = big32(header, 8), width = big32(header, 12);
  constexpr uint64_t kMaxSide = 65535;
  if (height == 0 || width == 0 || height > kMaxSide || width > kMaxSide || height * width > uint64_t{kMaxPixels}) {
    return damaged(path, "has images of an impossible size");
  }
  std::error_code code;
  const uint64_t bytes = fs::file_size(path, code);
  if (code || bytes - kImagesHeader != count * height * width) {  // below 2^32 * 2^27
    return damaged(path,
                   format("%llu images of %llu x %llu need another length than its %llu bytes: damaged or truncated",
                          static_cast<unsigned long long>(count), static_cast<unsigned long long>(width),
                          static_cast<unsigned long long>(height), static_cast<unsigned long long>(bytes)));
  }
  return IdxImages{path, count, static_cast<int>(height), static_cast<int>(width)};
}

Result<Image> read_idx_image(const IdxImages& file, uint64_t index) {
  Image image = make_image(file.width, file.height, 1);
  std::ifstream stream(file.path, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(kImagesHeader + index * image.pixels.size()));
  stream.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
  if (!stream) {
    return Error{Code::io,
                 format("%s: image %llu cannot be read", file.path.c_str(), static_cast<unsigned long long>(index))};
  }
  return image;
}

Result<std::vector<uint8_t>> read_idx_labels(const std::string& path) {
  constexpr uint64_t kMaxBytes = uint64_t{1} << 30;
  NBL_TRY(std::vector<uint8_t> bytes, read_file(path, kMaxBytes));
  if (bytes.size() < kLabelsHeader || big32(bytes, 0) != kLabelsMagic) {
    return damaged(path, "is no idx file of labels (magic 00 00 08 01 expected)");
  }
  if (big32(bytes, 4) != bytes.size() - kLabelsHeader) {
    return damaged(path,
                   format("%u labels were announced, %zu are there", big32(bytes, 4), bytes.size() - kLabelsHeader));
  }
  bytes.erase(bytes.begin(), bytes.begin() + kLabelsHeader);
  return bytes;
}

std::optional<std::string> idx_labels_beside(const std::string& images_path) {
  const fs::path path(images_path);
  std::string name = path.filename().string();
  for (const auto& [images, labels] :
       {std::pair{"images-idx3", "labels-idx1"}, std::pair{"images.idx3", "labels.idx1"}}) {
    const size_t at = name.find(images);
    if (at == std::string::npos) continue;
    name.replace(at, std::string(images).size(), labels);
    std::error_code code;
    const fs::path beside = path.parent_path() / name;
    if (fs::is_regular_file(beside, code)) return beside.string();
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace nibble::media

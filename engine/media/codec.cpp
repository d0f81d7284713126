#include "media/codec.h"

#include <climits>
#include <cstring>
#include <memory>

// Static, so that an application may carry its own copy of the library; the formats are those that inspect_picture
// admits.
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_FAILURE_USERMSG
#define STBI_MAX_DIMENSIONS 65535
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace nibble::media {
namespace {

Error library_error() {
  const char* reason = stbi_failure_reason();
  return Error{Code::corrupt_file, std::string("damaged or truncated: ") + (reason ? reason : "cannot be decoded")};
}

struct PixelsDeleter {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

void append(void* context, void* data, int size) {
  auto* out = static_cast<std::vector<uint8_t>*>(context);
  const auto* first = static_cast<const uint8_t*>(data);
  out->insert(out->end(), first, first + size);
}

}  // namespace

Result<PictureSize> decoded_size(std::span<const uint8_t> bytes) {
  PictureSize size;
  if (bytes.size() > INT_MAX) return Error{Code::invalid_argument, "the file is larger than 2 GiB"};
  const int length = static_cast<int>(bytes.size());
  if (!stbi_info_from_memory(bytes.data(), length, &size.width, &size.height, &size.channels)) return library_error();
  return size;
}

Result<Image> decode_rgba(std::span<const uint8_t> bytes) {
  int width = 0, height = 0, channels = 0;
  const int length = static_cast<int>(bytes.size());
  const std::unique_ptr<stbi_uc, PixelsDeleter> pixels(
      stbi_load_from_memory(bytes.data(), length, &width, &height, &channels, 4));
  if (!pixels) return library_error();
  Image image = make_image(width, height, 4);
  std::memcpy(image.pixels.data(), pixels.get(), image.pixels.size());
  // A four-component JPEG leaves the fourth byte of YCCK pixels unset.
  if (channels == 1 || channels == 3) {
    for (size_t i = 3; i < image.pixels.size(); i += 4) image.pixels[i] = 255;
  }
  return image;
}

Result<std::vector<uint8_t>> encode_png(const Image& image) {
  std::vector<uint8_t> out;
  const int stride = image.width * image.channels;
  if (!stbi_write_png_to_func(append, &out, image.width, image.height, image.channels, image.pixels.data(), stride)) {
    return Error{Code::out_of_memory, "not enough memory to compress the picture"};
  }
  return out;
}

}  // namespace nibble::media

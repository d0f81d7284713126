#include "media/image.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/text.h"
#include "core/try.h"
#include "media/atomic_file.h"
#include "media/codec.h"
#include "media/picture_facts.h"
#include "media/read_file.h"

namespace nibble::media {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

Image flatten_over_white(const Image& rgba) {
  Image out = make_image(rgba.width, rgba.height, 3);
  const uint8_t* from = rgba.pixels.data();
  for (size_t i = 0; i < out.pixels.size(); i += 3, from += 4) {
    const int alpha = from[3];
    for (int c = 0; c < 3; ++c) {
      out.pixels[i + c] = static_cast<uint8_t>((from[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return out;
}

// EXIF 2.3, tag Orientation: 2 to 4 keep width and height, 5 to 8 exchange them.
Image turned_upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const int w = image.width, h = image.height;
  const bool exchanged = orientation >= 5;
  Image out = make_image(exchanged ? h : w, exchanged ? w : h, image.channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int from_x = exchanged ? y : x, from_y = exchanged ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) from_x = w - 1 - from_x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) from_y = h - 1 - from_y;
      std::copy_n(image.at(from_x, from_y), image.channels, out.at(x, y));
    }
  }
  return out;
}

Result<Image> decode_unnamed(const std::vector<uint8_t>& bytes) {
  NBL_TRY(const PictureFacts facts, inspect_picture(bytes));
  NBL_TRY(const PictureSize size, decoded_size(bytes));
  const int64_t pixels = int64_t{size.width} * size.height;
  if (pixels <= 0) return Error{Code::corrupt_file, "the picture has no pixels"};
  if (pixels > kMaxPixels) {
    return Error{Code::invalid_argument, format("the picture is %d x %d, at most %lld pixels are read", size.width,
                                                size.height, static_cast<long long>(kMaxPixels))};
  }
  if (!plausible_size(facts.kind, static_cast<uint64_t>(pixels), bytes.size())) {
    return Error{Code::corrupt_file, format("%zu bytes cannot hold a picture of %d x %d: truncated or damaged",
                                            bytes.size(), size.width, size.height)};
  }
  NBL_TRY(Image rgba, decode_rgba(bytes));
  return turned_upright(flatten_over_white(rgba), facts.orientation);
}

}  // namespace

Image make_image(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  image.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels));
  return image;
}

Result<Image> decode_image(const std::vector<uint8_t>& bytes, const std::string& name) {
  auto image = decode_unnamed(bytes);
  if (!image) return std::move(image).error().with_context(name);
  return image;
}

Result<Image> read_image(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, read_file(path, kMaxFileBytes));
  return decode_image(bytes, path);
}

Status write_png(const std::string& path, const Image& image) {
  const size_t expected = static_cast<size_t>(std::max(image.width, 0)) *
                          static_cast<size_t>(std::max(image.height, 0)) *
                          static_cast<size_t>(std::max(image.channels, 0));
  if (expected == 0 || image.pixels.size() != expected || (image.channels != 1 && image.channels != 3)) {
    return Error{Code::invalid_argument,
                 format("%s: a picture of %d x %d with %d channels and %zu bytes cannot be written as PNG",
                        path.c_str(), image.width, image.height, image.channels, image.pixels.size())};
  }
  auto encoded = encode_png(image);
  if (!encoded) return std::move(encoded).error().with_context(path);
  return write_file_atomically(path, std::as_bytes(std::span(*encoded)));
}

bool has_image_extension(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr const char* kKnown[] = {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".pgm", ".ppm", ".pnm"};
  return std::any_of(std::begin(kKnown), std::end(kKnown), [&](const char* known) { return extension == known; });
}

}  // namespace nibble::media

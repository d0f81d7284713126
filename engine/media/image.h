// Pictures in memory, read from and written to files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::media {

// Rows from top to bottom, channels interleaved (red, green, blue; or one gray), no padding.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<uint8_t> pixels;

  uint8_t* at(int x, int y) { return pixels.data() + (static_cast<size_t>(y) * width + x) * channels; }
  const uint8_t* at(int x, int y) const { return pixels.data() + (static_cast<size_t>(y) * width + x) * channels; }
};

Image make_image(int width, int height, int channels);

// Pictures beyond this are refused before anything is decoded.
inline constexpr int64_t kMaxPixels = 100'000'000;

// A JPEG, PNG, BMP, PGM or PPM file as RGB, 8 bit, the way a person sees it: turned upright by its EXIF orientation
// (JPEG APP1, PNG eXIf), composited over white where it has transparency, gray expanded to three channels, the high
// byte of 16-bit samples. Adobe CMYK and YCCK JPEG files are converted without a colour profile; four-component JPEG
// files without an Adobe marker are refused, since nothing says what the components mean. Colour profiles are ignored.
Result<Image> read_image(const std::string& path);

// The same from bytes; `name` begins every message.
Result<Image> decode_image(const std::vector<uint8_t>& bytes, const std::string& name);

// PNG of 1 (gray) or 3 (RGB) channels. Nothing is left at `path` where writing fails.
Status write_png(const std::string& path, const Image& image);

// Whether the file name ends like a picture that read_image reads (any case).
bool has_image_extension(const std::string& path);

}  // namespace nibble::media

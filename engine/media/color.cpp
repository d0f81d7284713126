#include "media/color.h"

#include <algorithm>

#include "media/preprocess_plan.h"

namespace nibble::media {

uint8_t luma(uint8_t red, uint8_t green, uint8_t blue) {
  // 0.299, 0.587, 0.114 in 16-bit fixed point; they add up to 65536, so that gray stays what it is.
  return static_cast<uint8_t>((uint32_t{red} * 19595 + uint32_t{green} * 38470 + uint32_t{blue} * 7471 + 0x8000) >> 16);
}

Image in_color(const Image& image, Color color) {
  const auto from_channels = static_cast<size_t>(image.channels);
  const bool wants_luma = channels_of(color) == 1;
  if (wants_luma ? from_channels == 1 : from_channels == 3 && color == Color::rgb) return image;
  Image out = make_image(image.width, image.height, channels_of(color));
  const uint8_t* from = image.pixels.data();
  uint8_t* to = out.pixels.data();
  for (size_t i = 0; i < image.pixels.size(); i += from_channels, from += from_channels) {
    if (wants_luma) {
      *to++ = luma(from[0], from[1], from[2]);
      continue;
    }
    for (size_t c = 0; c < 3; ++c) *to++ = from_channels == 1 ? from[0] : from[color == Color::bgr ? 2 - c : c];
  }
  return out;
}

std::array<uint8_t, 3> with_luma(double y, const uint8_t* chroma_rgb) {
  const double r = chroma_rgb[0], g = chroma_rgb[1], b = chroma_rgb[2];
  const double own_y = 0.299 * r + 0.587 * g + 0.114 * b;
  const double blue_difference = b - own_y, red_difference = r - own_y;  // 1.772 Cb and 1.402 Cr
  // Green follows from Y = 0.299 R + 0.587 G + 0.114 B.
  const double green_difference = -(0.299 * red_difference + 0.114 * blue_difference) / 0.587;
  const auto byte = [](double value) { return static_cast<uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5); };
  return {byte(y + red_difference), byte(y + green_difference), byte(y + blue_difference)};
}

}  // namespace nibble::media

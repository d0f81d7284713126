#include "view/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "core/try.h"
#include "media/resample.h"

namespace nibble::view {
namespace {

media::Image as_rgb(const media::Image& image) {
  if (image.channels == 3) return image;
  media::Image out = media::make_image(image.width, image.height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    std::fill_n(out.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, image.pixels[i]);
  }
  return out;
}

// Red, then green, then blue fade in, a third of the range each.
std::array<uint8_t, 3> heat(float value) {
  std::array<uint8_t, 3> out{};
  for (size_t c = 0; c < 3; ++c) {
    const float level = std::clamp(3 * value - static_cast<float>(c), 0.0f, 1.0f);
    out[c] = static_cast<uint8_t>(std::lround(255 * level));
  }
  return out;
}

}  // namespace

Result<media::Image> brought_to(const media::Image& other, const media::Image& reference) {
  if (other.width == reference.width && other.height == reference.height) return as_rgb(other);
  return media::resize(as_rgb(other), reference.width, reference.height, media::Filter::bicubic);
}

Result<media::Image> heat_map(const media::Image& reference, const media::Image& other, float gain) {
  const media::Image a = as_rgb(reference);
  NBL_TRY(const media::Image b, brought_to(other, a));
  media::Image out = media::make_image(a.width, a.height, 3);
  for (size_t i = 0; i < a.pixels.size(); i += 3) {
    int most = 0;
    for (size_t c = 0; c < 3; ++c) most = std::max(most, std::abs(int{a.pixels[i + c]} - int{b.pixels[i + c]}));
    const auto color = heat(std::min(1.0f, static_cast<float>(most) * gain / 255));
    std::copy(color.begin(), color.end(), out.pixels.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return out;
}

}  // namespace nibble::view

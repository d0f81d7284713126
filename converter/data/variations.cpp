#include "converter/data/variations.h"

#include <algorithm>

#include "media/resample.h"

namespace nibble {
namespace {

// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int below(uint64_t& state, int count) { return static_cast<int>(next(state) % static_cast<uint64_t>(count)); }

}  // namespace

Result<media::Image> vary(const media::Image& image, uint64_t number) {
  uint64_t state = number;
  const int share = 70 + below(state, 31);
  const int width = std::max(1, image.width * share / 100), height = std::max(1, image.height * share / 100);
  const int left = below(state, image.width - width + 1), top = below(state, image.height - height + 1);
  const bool mirrored = next(state) & 1u;
  media::Image part = media::make_image(width, height, image.channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      std::copy_n(image.at(left + x, top + y), image.channels, part.at(mirrored ? width - 1 - x : x, y));
  }
  return media::resize(part, image.width, image.height, media::Filter::antialias);
}

}  // namespace nibble

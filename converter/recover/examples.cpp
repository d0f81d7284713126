#include "converter/recover/examples.h"

#include <algorithm>

#include "core/try.h"

namespace nibble::recover {
namespace {

uint64_t mix(
    uint64_t z) {  // splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// to(y, x) = from(y + dy, x + dx), mirrored where asked.
void move_picture(const float* from, const Extent& e, int64_t dy, int64_t dx, bool mirror, float* to) {
  for (int64_t y = 0; y < e.h; ++y) {
    for (int64_t x = 0; x < e.w; ++x, to += e.c) {
      const int64_t at_y = y + dy, at_x = (mirror ? e.w - 1 - x : x) + dx;
      if (at_y < 0 || at_y >= e.h || at_x < 0 || at_x >= e.w) {
        std::fill_n(to, e.c, 0.0f);
      } else {
        std::copy_n(from + (at_y * e.w + at_x) * e.c, e.c, to);
      }
    }
  }
}

}  // namespace

void reorder_rows(Features& features, Extent extent) {
  extent.n = 1;
  std::vector<float> row(features.width);
  for (size_t at = 0; at + features.width <= features.values.size(); at += features.width) {
    to_channels_last(features.values.data() + at, extent, row.data());
    std::copy(row.begin(), row.end(), features.values.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

CachedExamples::CachedExamples(Features inputs, Features targets, const Subnet& subnet)
    : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  reorder_rows(inputs_, subnet.input());
  reorder_rows(targets_, subnet.output());
}

Status CachedExamples::read(std::span<const size_t> which, uint64_t, float* x, float* target, int) const {
  for (const size_t i : which) {
    x = std::copy_n(inputs_.row(i).data(), inputs_.width, x);
    target = std::copy_n(targets_.row(i).data(), targets_.width, target);
  }
  return {};
}

TaughtExamples::TaughtExamples(Features inputs, std::shared_ptr<const Subnet> original, bool vary, int threads)
    : inputs_(std::move(inputs)), original_(std::move(original)), picture_(original_->input()) {
  picture_.n = 1;
  vary_ = vary && picture_.planes && picture_.h > 1 && picture_.w > 1;
  reorder_rows(inputs_, picture_);
  for (int t = 0; t < threads; ++t) workspaces_.push_back(original_->workspace(false));
}

Status TaughtExamples::read(std::span<const size_t> which, uint64_t variant, float* x, float* target,
                            int thread) const {
  float* to = x;
  for (size_t i = 0; i < which.size(); ++i, to += inputs_.width) {
    const float* from = inputs_.row(which[i]).data();
    if (!vary_ || variant == 0) {
      std::copy_n(from, inputs_.width, to);
      continue;
    }
    const uint64_t random = mix(mix(variant) + i);
    const auto moved = [&](int64_t size, uint64_t bits) {
      const int64_t reach = size / 8;
      return static_cast<int64_t>(bits % static_cast<uint64_t>(2 * reach + 1)) - reach;
    };
    move_picture(from, picture_, moved(picture_.h, random >> 8 & 0xffffff), moved(picture_.w, random >> 32), random & 1,
                 to);
  }
  NBL_TRY(const float* y, original_->forward(x, workspaces_[static_cast<size_t>(thread)]));
  std::copy_n(y, original_->output().elements(), target);
  return {};
}

}  // namespace nibble::recover

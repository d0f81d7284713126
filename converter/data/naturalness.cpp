#include "converter/data/naturalness.h"

#include <algorithm>

namespace nibble {
namespace {

constexpr int64_t kBlocks = 6, kLeastSide = 12;
constexpr int64_t kMostChannels = 4;  // more are features of another network, of which nothing is known

struct Plane {
  const float* first;
  int64_t height, width, row_stride, column_stride;
};

double variance(double sum, double squares, double n) { return squares / n - (sum / n) * (sum / n); }

// The share of one plane; nothing where it does not vary.
std::optional<double> plane_share(const Plane& p) {
  const int64_t bh = p.height / kBlocks, bw = p.width / kBlocks;
  const double per_block = static_cast<double>(bh * bw), blocks = kBlocks * kBlocks;
  double all = 0.0, all_squares = 0.0, means = 0.0, mean_squares = 0.0;
  for (int64_t by = 0; by < kBlocks; ++by) {
    for (int64_t bx = 0; bx < kBlocks; ++bx) {
      double sum = 0.0;
      for (int64_t y = by * bh; y < (by + 1) * bh; ++y) {
        for (int64_t x = bx * bw; x < (bx + 1) * bw; ++x) {
          const double v = static_cast<double>(p.first[y * p.row_stride + x * p.column_stride]);
          sum += v;
          all_squares += v * v;
        }
      }
      all += sum;
      means += sum / per_block;
      mean_squares += (sum / per_block) * (sum / per_block);
    }
  }
  const double total = variance(all, all_squares, per_block * blocks);
  if (!(total > 1e-12 * (all_squares / (per_block * blocks)))) return {};
  const double share = variance(means, mean_squares, blocks) / total;
  // Independent values: each block's mean has 1 / per_block of the variance.
  return (share - 1.0 / per_block) / (1.0 - 1.0 / per_block);
}

}  // namespace

std::optional<double> coarse_share(std::span<const float> values, const std::vector<int64_t>& shape) {
  if (shape.size() != 3 && shape.size() != 4) return {};
  const bool last = shape.size() == 4 && shape[3] <= 4 && shape[1] > 4;  // channels last
  const int64_t n = shape[0], channels = shape.size() == 3 ? 1 : (last ? shape[3] : shape[1]);
  const int64_t height = shape[last || shape.size() == 3 ? 1 : 2], width = shape[last || shape.size() == 3 ? 2 : 3];
  if (height < kLeastSide || width < kLeastSide || n < 1 || channels < 1 || channels > kMostChannels) return {};
  if (static_cast<int64_t>(values.size()) != n * channels * height * width) return {};
  double sum = 0.0;
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t at = last ? i * height * width * channels + c : (i * channels + c) * height * width;
      const int64_t column = last ? channels : 1;
      if (const auto share = plane_share({values.data() + at, height, width, width * column, column})) {
        sum += *share;
        ++count;
      }
    }
  }
  if (count == 0) return {};
  return sum / static_cast<double>(count);
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return {};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace nibble

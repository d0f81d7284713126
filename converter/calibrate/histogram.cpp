#include "converter/calibrate/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nibble::calibrate {
namespace {

// Kullback-Leibler divergence of a histogram with `clipped` more in its last bin from the same histogram in `levels`
// steps, each spread evenly over those of its bins that hold anything.
double divergence_of(std::span<const double> p, double clipped, int levels) {
  const double bins = static_cast<double>(p.size());
  double sum_p = clipped, sum_q = 0.0;
  for (double v : p) sum_p += v, sum_q += v;
  if (!(sum_p > 0.0) || !(sum_q > 0.0)) return 0.0;
  double divergence = 0.0;
  for (int level = 0; level < levels; ++level) {
    const auto begin = static_cast<size_t>(bins * level / levels),
               end = static_cast<size_t>(bins * (level + 1) / levels);
    double sum = 0.0, filled = 0.0;
    for (size_t i = begin; i < end; ++i) sum += p[i], filled += p[i] > 0.0 ? 1.0 : 0.0;
    for (size_t i = begin; i < end; ++i) {
      const double own = p[i] + (i + 1 == p.size() ? clipped : 0.0);
      if (own <= 0.0) continue;
      // A step that holds nothing of what was clipped: the divergence is without bound; a floor keeps it finite.
      const double q = filled > 0.0 && p[i] > 0.0 ? sum / filled : 1e-6 * sum_q;
      divergence += own / sum_p * std::log(own / sum_p / (q / sum_q));
    }
  }
  return divergence;
}

}  // namespace

void Histogram::grow(float magnitude) {
  // A power of two: growing is exact, and the same values give the same bins whatever their order.
  float width = width_ > 0.0f ? width_ : std::ldexp(1.0f, -100);
  int doublings = 0;
  while (magnitude >= width * (kBins / 2) && width < std::ldexp(1.0f, 110)) {
    width *= 2.0f;
    ++doublings;
  }
  for (; width_ > 0.0f && doublings > 0; --doublings) {
    std::array<uint64_t, kBins> joined{};
    for (int i = 0; i < kBins; ++i) joined[static_cast<size_t>(kBins / 4 + i / 2)] += bins_[static_cast<size_t>(i)];
    bins_ = joined;
  }
  width_ = width;
}

void Histogram::add(std::span<const float> values) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  uint64_t finite = 0;
  for (float v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
    ++finite;
  }
  not_finite_ += values.size() - finite;
  if (finite == 0) return;
  minimum_ = count_ ? std::min(minimum_, low) : low;
  maximum_ = count_ ? std::max(maximum_, high) : high;
  const float magnitude = std::max(std::abs(low), std::abs(high));
  if (width_ == 0.0f || magnitude >= width_ * (kBins / 2)) grow(magnitude);
  const float inverse = 1.0f / width_;
  for (float v : values) {
    if (!std::isfinite(v)) continue;
    const int bin = static_cast<int>(std::floor(v * inverse)) + kBins / 2;
    ++bins_[static_cast<size_t>(std::clamp(bin, 0, kBins - 1))];
  }
  count_ += finite;
}

quantization::Range Histogram::percentile(double percent) const {
  const double tail = static_cast<double>(count_) * (100.0 - percent) / 200.0;
  quantization::Range range = min_max();
  double sum = 0.0;
  for (int i = 0; i < kBins && sum <= tail; ++i) {
    sum += static_cast<double>(bins_[static_cast<size_t>(i)]);
    if (sum > tail) range.low = std::max(range.low, lower_edge(i));
  }
  sum = 0.0;
  for (int i = kBins - 1; i >= 0 && sum <= tail; --i) {
    sum += static_cast<double>(bins_[static_cast<size_t>(i)]);
    if (sum > tail) range.high = std::min(range.high, lower_edge(i + 1));
  }
  return range;
}

quantization::Range Histogram::least_squared_error() const {
  const quantization::Range full = min_max();
  quantization::Range best = full;
  double best_error = std::numeric_limits<double>::infinity();
  const int zero_bin = kBins / 2;
  // Either end is shrunk in its own steps of 2.5 %, down to a fifth.
  const auto error_of = [&](const quantization::Range& range) {
    const quantization::ActivationQuant q = quantization::choose_quant(range);
    const double low = static_cast<double>(q.scale) * (q.min - q.zero_point),
                 high = static_cast<double>(q.scale) * (q.max - q.zero_point);
    const double rounding = static_cast<double>(q.scale) * static_cast<double>(q.scale) / 12.0;
    double error = 0.0;
    for (int i = 0; i < kBins; ++i) {
      const uint64_t n = bins_[static_cast<size_t>(i)];
      if (n == 0 || i == zero_bin) continue;
      const double v = (static_cast<double>(i) - kBins / 2 + 0.5) * static_cast<double>(width_);
      const double clipped = v < low ? low - v : v > high ? v - high : 0.0;
      error += static_cast<double>(n) * (clipped * clipped + (clipped > 0.0 ? 0.0 : rounding));
    }
    return error;
  };
  const bool two_sided = full.low < 0.0f && full.high > 0.0f;
  const auto consider = [&](double low_ratio, double high_ratio) {
    const quantization::Range range{static_cast<float>(full.low * low_ratio),
                                    static_cast<float>(full.high * high_ratio)};
    const double error = error_of(range);
    if (error < best_error) best_error = error, best = range;
  };
  for (double ratio = 1.0; ratio > 0.2; ratio -= 0.025) consider(ratio, ratio);
  if (two_sided) {
    const double at_low = best.low / full.low, at_high = best.high / full.high;
    for (double ratio = 1.0; ratio > 0.2; ratio -= 0.05) consider(ratio, at_high);
    for (double ratio = 1.0; ratio > 0.2; ratio -= 0.05) consider(at_low, ratio);
  }
  return best;
}

quantization::Range Histogram::entropy() const {
  constexpr int kMagnitudes = kBins / 2, kLevels = 128;
  std::vector<double> p(kMagnitudes);
  for (int i = 1; i < kMagnitudes; ++i) {  // not 0: the bin of zeros
    p[static_cast<size_t>(i)] = static_cast<double>(bins_[static_cast<size_t>(kMagnitudes + i)] +
                                                    bins_[static_cast<size_t>(kMagnitudes - 1 - i)]);
  }
  int used = kMagnitudes;  // bins up to the largest value
  while (used > 1 && p[static_cast<size_t>(used - 1)] == 0.0) --used;
  double clipped = 0.0, least = std::numeric_limits<double>::infinity();
  int best = used;
  for (int end = used; end >= kLevels; --end) {
    if (end < used) clipped += p[static_cast<size_t>(end)];
    const double divergence = divergence_of(std::span(p).first(static_cast<size_t>(end)), clipped, kLevels);
    if (divergence < least) least = divergence, best = end;
  }
  const float most = static_cast<float>(best) * width_;
  return {std::max(minimum_, -most), std::min(maximum_, most)};
}

}  // namespace nibble::calibrate

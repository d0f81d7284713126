// A histogram of a tensor's values whose memory does not grow with the number of values.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "converter/quantize/ranges.h"

namespace nibble::calibrate {

// Bins lie evenly around zero; when a value falls outside, the width doubles and neighbouring bins are joined. Exact
// minimum and maximum are kept beside them.
class Histogram {
 public:
  static constexpr int kBins = 4096;

  void add(std::span<const float> values);

  bool empty() const { return count_ == 0; }
  float minimum() const { return minimum_; }
  float maximum() const { return maximum_; }
  uint64_t count() const { return count_; }
  // Values that were not finite; they are counted and otherwise left out.
  uint64_t not_finite() const { return not_finite_; }

  quantization::Range min_max() const { return {minimum_, maximum_}; }
  // The range that leaves out a share of (100 - percent) / 200 of the values at either end.
  quantization::Range percentile(double percent) const;
  // The range, among shrunken versions of min_max(), with the least squared error of 255 evenly spaced levels. Zeros
  // are left out: every range represents them exactly.
  quantization::Range least_squared_error() const;
  // The range that loses the least information, after the rule of TensorRT's entropy calibration (S. Migacz, 8-bit
  // Inference with TensorRT, GTC 2017): of all clippings of the magnitudes' histogram, the one whose 128 joined bins
  // have the least Kullback-Leibler divergence from it; what is clipped counts in the last bin. Zeros are left out.
  quantization::Range entropy() const;

 private:
  void grow(float magnitude);
  float lower_edge(int bin) const { return (static_cast<float>(bin) - kBins / 2) * width_; }

  std::array<uint64_t, kBins> bins_{};
  float width_ = 0.0f;
  uint64_t count_ = 0;
  uint64_t not_finite_ = 0;
  float minimum_ = 0.0f;
  float maximum_ = 0.0f;
};

}  // namespace nibble::calibrate

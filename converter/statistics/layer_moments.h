// Second moments of what a layer with weights multiplies: all that second-order rounding, pruning and compensation need
// to know of the samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nibble/result.h"

namespace nibble::statistics {

// Sums over sampled output positions of all samples. A row x holds the input values that one output position
// multiplies, in the order of the weights [I, kh, kw] (Linear: [K]) of one convolution group; padding counts as 0.
struct LayerMoments {
  int64_t inputs = 0;  // I: input channels per convolution group
  int64_t kernel = 1;  // kh * kw
  int64_t groups = 1;  // convolution groups
  uint64_t count = 0;  // output positions summed
  // How many samples they come from: positions of one picture say less than as many of different ones.
  uint64_t samples = 0;
  std::vector<double> gram;  // [groups, row, row], symmetric: sum of x xT
  std::vector<double> sum;   // [groups, row]: sum of x

  int64_t row() const { return inputs * kernel; }
  std::span<const double> gram_of(int64_t group) const;
  std::span<const double> sum_of(int64_t group) const;
  size_t bytes() const { return (gram.size() + sum.size()) * sizeof(double); }

  bool same_shape(const LayerMoments& other) const;
  // Sums of both; an error names the sizes where they belong to different layers.
  Status merge(const LayerMoments& other);
};

LayerMoments make_layer_moments(int64_t inputs, int64_t kernel, int64_t groups);

// Sums over all values of each channel (index of axis 1) of a tensor.
struct ChannelMoments {
  uint64_t count = 0;               // values per channel
  std::vector<double> sum;          // [C]
  std::vector<double> sum_squares;  // [C]

  double mean(size_t channel) const { return sum[channel] / static_cast<double>(count); }
  double variance(size_t channel) const;  // never below 0
  Status merge(const ChannelMoments& other);
};

}  // namespace nibble::statistics

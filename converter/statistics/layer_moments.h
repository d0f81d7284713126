// Second moments of what a layer with weights multiplies: all that second-order rounding, pruning and compensation need
// to know of the samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nibble/result.h"

namespace nibble::statistics {

// Products of all pairs of a row take row^2 / 2 doubles (85 MB here, 2.5 GB for VGG's first fully connected layer); of
// longer rows only the squares are kept, one a value, and what needs the pairs does without.
inline constexpr int64_t kLongestRowWithPairs = 4608;

// Sums over sampled output positions of all samples. A row x holds the input values that one output position
// multiplies, in the order of the weights [I, kh, kw] (Linear: [K]) of one convolution group; padding counts as 0.
struct LayerMoments {
  int64_t inputs = 0;  // I: input channels per convolution group
  int64_t kernel = 1;  // kh * kw
  int64_t groups = 1;  // convolution groups
  uint64_t count = 0;  // output positions summed
  // How many samples they come from: positions of one picture say less than as many of different ones.
  uint64_t samples = 0;
  // Sum of x xT, by group a triangle (gram.h); of rows without pairs its diagonal alone, [groups, row].
  std::vector<double> gram;
  std::vector<double> sum;  // [groups, row]: sum of x

  int64_t row() const { return inputs * kernel; }
  bool has_pairs() const { return row() <= kLongestRowWithPairs; }
  int64_t gram_size() const { return has_pairs() ? row() * (row() + 1) / 2 : row(); }  // of a convolution group
  double square(int64_t group, int64_t i) const {                                      // sum of x_i^2
    return gram[static_cast<size_t>(group * gram_size() + (has_pairs() ? i * (i + 3) / 2 : i))];
  }
  std::span<const double> gram_of(int64_t group) const;
  std::vector<double> full_gram(int64_t group) const;  // [row, row]; with pairs only
  std::span<const double> sum_of(int64_t group) const;

  bool same_shape(const LayerMoments& other) const;
  // Sums of both; an error names the sizes where they belong to different layers.
  Status merge(const LayerMoments& other);
};

// n rows x [n, row] of convolution group `group` are added to gram and sum.
void add_rows(LayerMoments& moments, int64_t group, const float* x, int64_t n, int threads);

// Bytes of such a layer's moments.
size_t moment_bytes(int64_t inputs, int64_t kernel, int64_t groups);
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

// Rounding of weights: int8 per output channel, int4 in groups (ops/INTEGER.md, format/FORMAT.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::quantization {

// Weights [O, I, kh, kw] (Linear: [N, K, 1, 1]) as integers: real = scale[o] * multiplier[o][group] * value.
struct QuantizedWeights {
  int64_t outputs = 0;
  int64_t inputs = 0;          // per convolution group
  int64_t kernel = 1;          // kh * kw
  std::vector<int8_t> values;  // plain order [O, I, kh, kw]
  std::vector<float> scales;   // [O]
  int32_t group_size = 0;      // 0: int8, no groups
  int64_t groups = 0;
  std::vector<uint8_t> multipliers;  // [O, groups]
  std::vector<int8_t> codebook;  // 16 entries, ascending or padded with zeros; values are among them. Empty: any int8

  int64_t row() const { return inputs * kernel; }
  // multiplier * value summed over a row: what a zero point of the input adds to each output.
  int64_t row_sum(int64_t output) const;
  // Bound of |sum of multiplier * value * x| for |x| <= 128.
  int64_t row_bound(int64_t output) const;
};

// Index of the int4 group of element (input, position) of a row: groups run over the packed reduction (position,
// input), inputs padded to a multiple of 4.
int64_t group_of(int64_t input, int64_t position, int64_t inputs, int32_t group_size);
int64_t group_count(int64_t inputs, int64_t kernel, int32_t group_size);

// The largest multiplier that the int4 groups of a row this long may have so that no sum can leave int32.
int32_t largest_multiplier(int64_t row);

// Symmetric, to nearest; rows that lie on a grid of at most 127 steps keep it. `fixed_scales` (1 or O values, may be
// empty) are scales that came with the network.
QuantizedWeights round_int8(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            std::span<const float> fixed_scales);

// To nearest, each group's scale the best of a few clipping ratios by squared error. No row can overflow int32.
QuantizedWeights round_int4(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            int32_t group_size);

// The real values that the integers stand for, plain order.
std::vector<float> dequantize(const QuantizedWeights& weights);

}  // namespace nibble::quantization

// One output channel's weights while they are being rounded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converter/quantize/weights.h"

namespace nibble::rounding {

// real value j = scale * multiplier[group[j]] * value[j], value in [low, high].
struct WeightRow {
  std::span<const int32_t> group;  // of each element, shared by all rows; all 0 for int8
  int32_t low = -127;
  int32_t high = 127;
  int32_t top_multiplier = 1;        // 1 for int8: there the multiplier is not stored
  double scale = 1.0;                // a float's value
  std::span<const int8_t> codebook;  // values are among these; empty: any from low to high
  std::vector<uint8_t> pruned;       // by element: stays 0; empty: none does
  std::vector<int32_t> multiplier;
  std::vector<int32_t> value;

  double step(size_t j) const { return scale * multiplier[static_cast<size_t>(group[j])]; }
  double real(size_t j) const { return step(j) * value[j]; }
  std::vector<double> reals() const;
  // The value whose real one is nearest to w at element j; 0 where it is pruned.
  int32_t nearest(size_t j, double w) const;
};

// How the rows of a layer are stored: what WeightRow needs besides the numbers.
struct RowFormat {
  int32_t group_size = 0;  // 0: int8
  int64_t groups = 1;      // multipliers a row
  int32_t low = -127, high = 127;
  int32_t top_multiplier = 1;
  std::vector<int32_t> group;  // by element of a row
  std::vector<int8_t> codebook;

  WeightRow row() const;
};
RowFormat row_format(int64_t inputs, int64_t kernel, int32_t group_size);

// Rows put together as they are stored.
quantization::QuantizedWeights assemble(const RowFormat& format, int64_t inputs, int64_t kernel,
                                        const std::vector<WeightRow>& rows);

}  // namespace nibble::rounding

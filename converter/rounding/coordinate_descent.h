// Improves a rounded row, one number at a time.
#pragma once

#include "converter/rounding/least_squares.h"
#include "converter/rounding/weight_row.h"

namespace nibble::rounding {

struct DescentOptions {
  int sweeps = 8;
  // Ends when a sweep lowers the loss by less than this share.
  double least_gain = 1e-3;
  // Scale and multipliers move too; not where a network brought its own.
  bool move_scales = true;
};

// Coordinate descent on the loss (QuantEase, Behdin et al., 2023; CDQuant, Nair and Suggala, 2024), here also over the
// group multipliers and the row's scale. Every step takes the best representable value of one number, so the loss never
// rises. Returns the loss it ends with (excess()).
double descend(const LeastSquares& problem, int64_t index, const DescentOptions& options, WeightRow& row);

// The best of all roundings up or down of a short row, over clipping ratios around its scale: 3x3 depthwise kernels.
inline constexpr int64_t kExactWidth = 9;
double search_exactly(const LeastSquares& problem, int64_t index, bool move_scales, WeightRow& row);

}  // namespace nibble::rounding

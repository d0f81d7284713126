// Where to clip: scales of a row before its values are rounded.
#pragma once

#include "converter/rounding/least_squares.h"
#include "converter/rounding/weight_row.h"

namespace nibble::rounding {

// Sets scale and multipliers: of the clipping ratios tried, those with the least error of rounding `target` to nearest,
// weighted by H (its blocks on the diagonal for int4 groups, its diagonal for int8). Without `weighted` every weight
// counts the same; without `clip` the largest weight is always representable.
struct ScaleSearch {
  bool weighted = true;
  bool clip = true;
};
void choose_scales(const LeastSquares& problem, std::span<const double> target, const ScaleSearch& search,
                   WeightRow& row);

// Every value to nearest.
void round_to_nearest(std::span<const double> target, WeightRow& row);

}  // namespace nibble::rounding

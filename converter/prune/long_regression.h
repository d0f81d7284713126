// Least squares on rows of thousands of weights, where each copy of the sums is 170 MB and each factorization seconds.
#pragma once

#include "converter/prune/regression.h"

namespace nibble::prune {

// fit_layer() for such rows; see there.
Fit fit_long_rows(const RegressionSums& even, const RegressionSums& odd, std::span<const double> start);

}  // namespace nibble::prune

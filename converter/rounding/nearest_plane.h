// GPTQ: rounds a row element by element, each time moving the elements that are still real so that they make up for it.
#pragma once

#include "converter/rounding/least_squares.h"
#include "converter/rounding/weight_row.h"

namespace nibble::rounding {

// H's Cholesky factor in the order of rounding: the last column of the order is rounded first.
struct PlaneFactor {
  std::vector<int64_t> order;
  std::vector<double> lower;  // [width, width]; where H is diagonal its diagonal
};
// Columns with the largest diagonal of H are rounded first, while there is most left to make up for them.
// Nothing where H is diagonal: rounding one column then says nothing of another.
PlaneFactor make_plane_factor(const LeastSquares& problem);

// GPTQ (Frantar et al., 2022) is Babai's nearest-plane algorithm on the lattice that H's Cholesky factor spans (Chen et
// al., "The Geometry of LLM Quantization", 2025): in that form it needs one factorisation and no inverse. Scales and
// multipliers of `row` stay as they are.
void round_nearest_plane(const LeastSquares& problem, const PlaneFactor& factor, int64_t index, WeightRow& row);

}  // namespace nibble::rounding

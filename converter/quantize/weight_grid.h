// Weights that were rounded before: training for quantization leaves floats that lie on a grid.
#pragma once

#include <span>

namespace nibble::quantization {

// The smallest step of which every value is a multiple of at most 127 (a hundredth of a grid's step is taken for float
// rounding), 0 where there is none. int8 at this step loses nothing; at max / 127 it would round a second time.
double grid_step(std::span<const float> row);

}  // namespace nibble::quantization

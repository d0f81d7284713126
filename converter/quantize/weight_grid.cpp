#include "converter/quantize/weight_grid.h"

#include <algorithm>
#include <cmath>

namespace nibble::quantization {

double grid_step(std::span<const float> row) {
  constexpr double kTolerance = 0.01;
  double largest = 0.0;
  for (float w : row) largest = std::max(largest, std::abs(static_cast<double>(w)));
  if (!(largest > 0.0) || !std::isfinite(largest)) return 0.0;
  for (int multiple = 1; multiple <= 127; ++multiple) {
    const double step = largest / multiple;
    const bool fits = std::all_of(row.begin(), row.end(), [&](float w) {
      const double q = static_cast<double>(w) / step;
      return std::abs(q - std::round(q)) <= kTolerance;
    });
    if (!fits) continue;
    // The best step by least squares: the largest value alone carries its own rounding error.
    double products = 0.0, squares = 0.0;
    for (float w : row) {
      const double q = std::round(static_cast<double>(w) / step);
      products += q * static_cast<double>(w);
      squares += q * q;
    }
    return products / squares / (127 / multiple);
  }
  return 0.0;
}

}  // namespace nibble::quantization

#include "core/resample_taps.h"

#include <algorithm>
#include <cmath>

namespace nibble {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981.
double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

}  // namespace

ResampleTable resample_table(int in, int out, bool cubic) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * widening;
  ResampleTable table;
  std::vector<double> row;
  for (int x = 0; x < out; ++x) {
    const double center = (x + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in);
    row.clear();
    double sum = 0.0;
    for (int i = first; i < last; ++i) {
      const double distance = (i - center + 0.5) * (1.0 / widening);
      row.push_back(cubic ? keys_cubic(distance) : triangle(distance));
      sum += row.back();
    }
    table.taps.push_back({first, last - first, table.weights.size()});
    for (const double weight : row) {
      const double fixed = (sum != 0.0 ? weight / sum : weight) * (1 << kResamplePrecision);
      table.weights.push_back(static_cast<int32_t>(fixed < 0.0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return table;
}

std::vector<ResampleNeighbours> resample_neighbours(int in, int out) {
  std::vector<ResampleNeighbours> result(out);
  for (int x = 0; x < out; ++x) {
    const double at = std::clamp((x + 0.5) * in / out - 0.5, 0.0, in - 1.0);
    const int first = static_cast<int>(at);
    result[x] = {first, std::min(first + 1, in - 1), at - first};
  }
  return result;
}

}  // namespace nibble

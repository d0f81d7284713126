#include "converter/rounding/nearest_plane.h"

#include <algorithm>
#include <numeric>

namespace nibble::rounding {

PlaneFactor make_plane_factor(const LeastSquares& p) {
  PlaneFactor out;
  if (p.diagonal()) return out;
  out.order.resize(static_cast<size_t>(p.width));
  std::iota(out.order.begin(), out.order.end(), 0);
  std::stable_sort(out.order.begin(), out.order.end(), [&](int64_t a, int64_t b) {
    return p.h()[static_cast<size_t>(a * p.width + a)] < p.h()[static_cast<size_t>(b * p.width + b)];
  });
  out.lower = factor(p.h(), p.width, out.order);
  return out;
}

void round_nearest_plane(const LeastSquares& p, const PlaneFactor& f, int64_t index, WeightRow& row) {
  const auto k = static_cast<size_t>(p.width);
  const double* target = p.optimum.data() + static_cast<size_t>(index) * k;
  // What the errors so far ask of the elements before: sum over rounded i of L[i, j] * error[i].
  std::vector<double> pull(k, 0.0);
  for (size_t i = k; i-- > 0;) {
    const auto j = static_cast<size_t>(f.order[i]);
    const double* l = f.lower.data() + i * k;
    row.value[j] = row.nearest(j, target[j] + pull[i] / l[i]);
    const double error = target[j] - row.real(j);
    for (size_t a = 0; a < i; ++a) pull[a] += l[a] * error;
  }
}

}  // namespace nibble::rounding

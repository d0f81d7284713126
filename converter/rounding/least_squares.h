// The problem that rounding a layer solves: which representable weights change its output least.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "converter/statistics/layer_moments.h"
#include "nibble/result.h"

namespace nibble::rounding {

// For every row w of one convolution group: minimise f(w) = w H wT - 2 w lT, which is the mean squared difference
// between w x and the wanted output (plus a constant), damped towards the original weights. Moments are centred: the
// bias takes up the means afterwards.
struct LeastSquares {
  int64_t rows = 0;
  int64_t width = 0;
  // [width, width], symmetric, positive definite; of long rows (statistics::kLongestRowWithPairs) the diagonal alone.
  // Problems that differ in what is wanted share it.
  std::shared_ptr<const std::vector<double>> shared_h;
  std::vector<double> linear;  // [rows, width]
  // The minimiser without rounding: linear H^-1.
  std::vector<double> optimum;  // [rows, width]

  const std::vector<double>& h() const { return *shared_h; }
  bool diagonal() const { return static_cast<int64_t>(h().size()) < width * width; }
  double h_at(int64_t i) const { return h()[static_cast<size_t>(diagonal() ? i : i * width + i)]; }
  // Where H is not diagonal.
  std::span<const double> h_row(int64_t i) const { return {h().data() + i * width, static_cast<size_t>(width)}; }
};

struct Damping {
  // Added to the diagonal, as a share of its mean (Frantar et al., GPTQ, 2022, use 0.01).
  double uniform = 0.01;
  // Shrinks correlations where there are few rows for their number: a share k / (k + rows * trust) of each diagonal
  // entry is added to it (after Ledoit and Wolf, 2004).
  double trust = 1.0;
};

// What the rows of one group multiply: sums, as LayerMoments has them.
struct GroupSums {
  int64_t rows = 0;
  int64_t width = 0;
  double count = 0;
  std::span<const double> gram;    // triangle: sum of x xT, x as the quantized network has it; or diagonal
  std::span<const double> sum;     // [width]
  std::span<const float> weights;  // [rows, width]: the original ones
};
// What should come out of them.
struct WantedSums {
  std::span<const double> cross;  // [rows, width]: sum of t xT, t the wanted output; empty: t = w x
  std::span<const double> sum;    // [rows]: sum of t; empty with cross
};

// One problem for each of `wanted`; H is formed and factored once for all of them. `centred`: whether the bias will be
// corrected. Damping grows until H can be factored; an error names what is not finite.
Result<std::vector<LeastSquares>> make_least_squares(const GroupSums& sums, std::span<const WantedSums> wanted,
                                                     const Damping& damping, bool centred);

// f(w) - f(optimum) >= 0 of a row: its damped mean squared error beyond the best real weights'.
double excess(const LeastSquares& problem, int64_t row, std::span<const double> w);

// Cholesky factor L of P H PT, P the order of columns: H[order[i], order[j]] = sum over k of L[i, k] L[j, k].
// Lower triangle by rows; empty where H is not positive definite.
std::vector<double> factor(std::span<const double> h, int64_t width, std::span<const int64_t> order);

}  // namespace nibble::rounding

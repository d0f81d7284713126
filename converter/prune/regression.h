// Least squares of a layer's outputs on what it reads: the closed form behind compensation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nibble/result.h"

namespace nibble::prune {

// Sums over rows x (with a 1 appended, for the bias) and targets y of one group of a layer.
struct RegressionSums {
  int64_t inputs = 0;   // r: columns of x without the 1
  int64_t outputs = 0;  // o
  uint64_t count = 0;
  std::vector<double> gram;     // [r + 1, r + 1], a triangle (statistics/gram.h)
  std::vector<double> cross;    // [o, r + 1]: sum of y xT
  std::vector<double> squares;  // [o]: sum of y^2

  RegressionSums(int64_t inputs, int64_t outputs);
  // x [n, r + 1] with ones in the last column, y [n, o].
  void add(std::span<const float> x, std::span<const float> y, int64_t n);
  void add(const RegressionSums& other);
};

struct Fit {
  std::vector<double> weights;  // [o, r + 1], the last column is the bias
  double ridge = 0.0;           // lambda relative to the mean diagonal of the covariance
  // Left of the targets' variance, on the samples that each half was not fitted on: before (with `start`) and after.
  double error_before = 0.0, error_after = 0.0;
};

// Minimizes |y - W x|^2 + lambda |W - start|^2 (the bias is free); lambda is chosen by fitting each half of the samples
// and judging it on the other. `start` [o, r + 1] is kept where no fit is better on the other half.
// Rows of more than kLongFit weights: the ridges tried are those on the way from 0.01 to the nearest one that is no
// worse than its neighbours, judged on at most 64 outputs, evenly spread; errors are of those. Takes a square of
// doubles besides the sums.
inline constexpr int64_t kLongFit = 1024;
Fit fit_layer(const RegressionSums& even, const RegressionSums& odd, std::span<const double> start);

// Least squares explains less than all of a target's variance, so its outputs are too quiet. Scales each row about its
// mean until its variance is the target's, shrunk by count / (count + 1,000) for few rows.
void restore_spread(const RegressionSums& even, const RegressionSums& odd, std::vector<double>& weights);

}  // namespace nibble::prune

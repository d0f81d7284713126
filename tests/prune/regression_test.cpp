// Least squares of a layer's outputs, on short rows and on long ones.
#include "converter/prune/regression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace nibble::prune {
namespace {

TEST(Regression, equals_the_normal_equations_and_never_judges_worse_than_the_start) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  RegressionSums halves[2] = {RegressionSums(3, 1), RegressionSums(3, 1)};
  for (auto& half : halves) {
    std::vector<float> x, y;
    for (int i = 0; i < 500; ++i) {
      const float a = normal(random), b = normal(random), c = normal(random) + 0.5f * a;
      x.insert(x.end(), {a, b, c, 1.0f});
      y.push_back(2.0f * a - b + 0.25f * c + 3.0f);
    }
    half.add(x, y, 500);
  }
  const std::vector<double> start{0, 0, 0, 0};
  const Fit fit = fit_layer(halves[0], halves[1], start);
  const double expected[] = {2.0, -1.0, 0.25, 3.0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(fit.weights[i], expected[i], 1e-5);
  EXPECT_LT(fit.error_after, 1e-8);
  EXPECT_GT(fit.error_before, 1.0);
  const Fit again = fit_layer(halves[0], halves[1], fit.weights);
  EXPECT_LE(again.error_after, again.error_before);
}

// More weights a row than are factored whole for each ridge.
TEST(Regression, of_long_rows_solves_the_normal_equations_at_its_ridge) {
  constexpr int64_t kInputs = kLongFit + 40, kOutputs = 3, kRows = 900, kKnown = 40;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  RegressionSums halves[2] = {RegressionSums(kInputs, kOutputs), RegressionSums(kInputs, kOutputs)};
  for (auto& half : halves) {
    std::vector<float> x, y;
    for (int64_t i = 0; i < kRows; ++i) {
      const size_t first = x.size();
      for (int64_t k = 0; k < kInputs; ++k) x.push_back((k < kKnown ? 1.0f : 0.2f) * normal(random) + 0.1f);
      for (int64_t o = 0; o < kOutputs; ++o) {
        float v = 0.5f + 0.5f * normal(random);  // noise that must not be fitted
        for (int64_t k = o; k < kKnown; ++k) v += 0.3f * x[first + static_cast<size_t>(k)];
        y.push_back(v);
      }
      x.push_back(1.0f);
    }
    half.add(x, y, kRows);
  }
  const size_t width = static_cast<size_t>(kInputs) + 1;
  std::vector<double> start(width * static_cast<size_t>(kOutputs), 0.01);
  const Fit fit = fit_layer(halves[0], halves[1], start);
  EXPECT_GT(fit.ridge, 1e-4);  // more weights than rows: without one the noise would be fitted
  EXPECT_LT(fit.error_after, 0.6 * fit.error_before);
  EXPECT_GT(fit.error_after, 0.05);  // the noise's share
  RegressionSums both = halves[0];
  both.add(halves[1]);
  std::vector<double> gram;
  for (size_t i = 0; i < width; ++i) {
    for (size_t j = 0; j < width; ++j)
      gram.push_back(both.gram[std::max(i, j) * (std::max(i, j) + 1) / 2 + std::min(i, j)] / (2 * kRows));
  }
  double scale = 0.0;
  for (size_t i = 0; i + 1 < width; ++i)
    scale += (gram[i * width + i] - gram[i * width + width - 1] * gram[i * width + width - 1]) / kInputs;
  for (size_t o = 0; o < kOutputs; ++o) {
    for (size_t i = 0; i < width; ++i) {
      const double ridge = i + 1 < width ? fit.ridge * scale : 0.0;
      double left = ridge * (fit.weights[o * width + i] - start[o * width + i]);
      for (size_t j = 0; j < width; ++j) left += gram[i * width + j] * fit.weights[o * width + j];
      ASSERT_NEAR(left, both.cross[o * width + i] / (2 * kRows), 1e-8) << o << " " << i;
    }
  }
  // Nothing better than what is right already.
  std::vector<double> right(start.size(), 0.0);
  for (size_t o = 0; o < kOutputs; ++o) {
    for (size_t k = o; k < kKnown; ++k) right[o * width + k] = 0.3;
    right[o * width + width - 1] = 0.5;
  }
  const Fit kept = fit_layer(halves[0], halves[1], right);
  EXPECT_LE(kept.error_after, kept.error_before);
  EXPECT_LT(kept.error_after, fit.error_after);
}

}  // namespace
}  // namespace nibble::prune

// How far a layer is fitted: by samples that it was not fitted to.
#include "converter/rounding/held_out.h"

#include <gtest/gtest.h>

#include "converter/statistics/gram.h"
#include "tests/rounding/random_layer.h"

namespace nibble::test {
namespace {

using namespace rounding;

constexpr int64_t kRow = 40, kOutputs = 8;

// Sums over rows `x` in the quantized network; wanted: the layer's outputs of `original`, and `error` added to them.
PartSums sums(const Floats& x, const Floats& original, const Floats& weights, const Floats& error) {
  const auto n = static_cast<int64_t>(x.size()) / kRow;
  PartSums out{statistics::make_layer_moments(kRow, 1, 1), {}};
  out.moments.count = static_cast<uint64_t>(n);
  statistics::add_gram(x.data(), n, kRow, out.moments.gram.data(), 1);
  statistics::add_sum(x.data(), n, kRow, out.moments.sum.data());
  Floats wanted(static_cast<size_t>(n * kOutputs));
  statistics::multiply_rows(original.data(), weights.data(), n, kOutputs, kRow, wanted.data(), 1);
  for (size_t i = 0; i < error.size(); ++i) wanted[i] += error[i];
  out.targets = {std::vector<double>(kOutputs * kRow, 0.0), std::vector<double>(kOutputs, 0.0)};
  statistics::add_cross(wanted.data(), x.data(), n, kOutputs, kRow, out.targets.cross.data(), 1);
  statistics::add_sum(wanted.data(), n, kOutputs, out.targets.sum.data());
  return out;
}

Floats first(const Floats& x, size_t rows) { return {x.begin(), x.begin() + static_cast<std::ptrdiff_t>(rows * kRow)}; }
Floats last(const Floats& x, size_t rows) { return {x.end() - static_cast<std::ptrdiff_t>(rows * kRow), x.end()}; }

double error_of(const LayerWeights& layer, const PartSums& fit, const PartSums& judge, const FitStrength& strength) {
  Options options;
  options.damping.trust = strength.trust;
  const auto result =
      round_layer(layer, fit.moments, follow(layer, fit.moments, fit.targets, strength.follow), options);
  EXPECT_TRUE(result);
  return result ? held_out_error(layer, result->layer, judge.moments, judge.targets) : 0.0;
}

TEST(held_out, does_not_follow_targets_that_few_samples_make_up) {
  const RandomLayer layer(kOutputs, kRow, 1, 1, 32, 1000, 1);
  // Errors that have nothing to do with the inputs: 60 rows fit a part of them all the same.
  const size_t few = 60, many = 900;
  const Floats x = first(layer.x, few), unseen = last(layer.x, many);
  Floats error = noise(few * kOutputs, 5), other = noise(many * kOutputs, 6);
  const PartSums fit = sums(x, x, layer.weights, error), held = sums(unseen, unseen, layer.weights, other);
  const auto chosen = choose_strength(layer.layer, fit, held, {});
  ASSERT_TRUE(chosen);
  EXPECT_LT(chosen->follow, 1.0);
  EXPECT_LT(error_of(layer.layer, fit, held, *chosen), error_of(layer.layer, fit, held, {}));
}

TEST(held_out, follows_what_is_so_on_all_samples) {
  const RandomLayer layer(kOutputs, kRow, 1, 1, 32, 3000, 2);
  Floats distorted = layer.x;
  for (float& v : distorted) v = 0.8f * v + 0.1f;
  const PartSums fit = sums(first(distorted, 2000), first(layer.x, 2000), layer.weights, {}),
                 held = sums(last(distorted, 1000), last(layer.x, 1000), layer.weights, {});
  const auto chosen = choose_strength(layer.layer, fit, held, {});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->follow, 1.0);
}

TEST(held_out, error_is_that_of_the_outputs) {
  const RandomLayer layer(kOutputs, kRow, 1, 1, 0, 300, 3);
  const PartSums part = sums(layer.x, layer.x, layer.weights, {});
  double wanted = 0.0;  // the constant that is left out: the wanted outputs' own squares
  for (int64_t o = 0; o < kOutputs; ++o) {
    for (int64_t i = 0; i < kRow; ++i)
      wanted += static_cast<double>(layer.weights[static_cast<size_t>(o * kRow + i)]) *
                part.targets.cross[static_cast<size_t>(o * kRow + i)];
  }
  const auto rounded = round_layer(layer.layer, part.moments, part.targets, {});
  ASSERT_TRUE(rounded);
  const double expected = layer.output_error(rounded->layer) * 300.0 * kOutputs;
  EXPECT_NEAR(held_out_error(layer.layer, rounded->layer, part.moments, part.targets) + wanted, expected,
              0.02 * expected + 1e-6 * wanted);
}

TEST(held_out, follows_half_way_where_asked_to) {
  const RandomLayer layer(kOutputs, kRow, 1, 1, 0, 200, 4);
  const PartSums part = sums(layer.x, layer.x, layer.weights, noise(200 * kOutputs, 9));
  const Targets none = follow(layer.layer, part.moments, part.targets, 0.0),
                half = follow(layer.layer, part.moments, part.targets, 0.5);
  const PartSums own = sums(layer.x, layer.x, layer.weights, {});
  for (size_t i = 0; i < half.cross.size(); ++i) {
    EXPECT_NEAR(none.cross[i], own.targets.cross[i], 1e-3 * (1.0 + std::abs(own.targets.cross[i])));
    EXPECT_NEAR(half.cross[i], 0.5 * (none.cross[i] + part.targets.cross[i]), 1e-9 * (1.0 + std::abs(half.cross[i])));
  }
}

}  // namespace
}  // namespace nibble::test

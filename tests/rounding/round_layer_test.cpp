// Rounded layers: losses against nearest, representable values, overflow, degenerate statistics.
#include <gtest/gtest.h>

#include <limits>

#include "converter/rounding/coordinate_descent.h"
#include "converter/rounding/nearest_plane.h"
#include "converter/rounding/scales.h"
#include "tests/rounding/random_layer.h"

namespace nibble::test {
namespace {

using namespace rounding;

quantization::RoundedLayer round_with(const RandomLayer& layer, Options options) {
  auto result = round_layer(layer.layer, layer.moments, {}, options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? result->layer : quantization::RoundedLayer{};
}

struct Case {
  const char* name;
  int64_t outputs, inputs, kernel, groups;
  int32_t group_size;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class layers : public ::testing::TestWithParam<Case> {};

TEST_P(layers, lose_less_with_every_step_of_the_recipe) {
  const Case& c = GetParam();
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const RandomLayer layer(c.outputs, c.inputs, c.kernel, c.groups, c.group_size, 2000, seed);
    const Options nearest{.method = Method::nearest, .clip = false, .bias_correction = false};
    Options clip = nearest, gptq = nearest, cd = nearest, corrected = nearest;
    clip.clip = gptq.clip = cd.clip = corrected.clip = true;
    gptq.method = Method::gptq;
    cd.method = corrected.method = Method::cd;
    corrected.bias_correction = true;
    const double plain = layer.output_error(round_with(layer, nearest));
    const double clipped = layer.output_error(round_with(layer, clip));
    const double planned = layer.output_error(round_with(layer, gptq));
    const double descended = layer.output_error(round_with(layer, cd));
    const double best = layer.output_error(round_with(layer, corrected));
    // Damping makes the loss that is minimised a little other than the one measured here.
    EXPECT_LE(clipped, plain * 1.02);
    EXPECT_LE(planned, clipped * 1.02);
    EXPECT_LE(descended, planned * 1.02);
    EXPECT_LE(best, descended * 1.02);
    EXPECT_LT(best, plain * 0.6) << c.name;
  }
}

TEST_P(layers, are_the_same_on_one_and_two_threads) {
  const Case& c = GetParam();
  const RandomLayer layer(c.outputs, c.inputs, c.kernel, c.groups, c.group_size, 500, 4);
  Options one, two;
  one.threads = 1;
  two.threads = 2;
  const auto a = round_with(layer, one), b = round_with(layer, two);
  EXPECT_EQ(a.weights.values, b.weights.values);
  EXPECT_EQ(a.weights.scales, b.weights.scales);
  EXPECT_EQ(a.weights.multipliers, b.weights.multipliers);
  EXPECT_EQ(a.bias, b.bias);
}

TEST_P(layers, stay_in_range_and_cannot_overflow) {
  const Case& c = GetParam();
  for (const Method method : {Method::nearest, Method::gptq, Method::cd, Method::hqq}) {
    const RandomLayer layer(c.outputs, c.inputs, c.kernel, c.groups, c.group_size, 100, 5);
    Options options;
    options.method = method;
    const auto rounded = method == Method::hqq ? round_without_data(layer.layer) : round_with(layer, options);
    const quantization::QuantizedWeights& w = rounded.weights;
    ASSERT_EQ(w.values.size(), layer.weights.size());
    ASSERT_EQ(w.multipliers.size(), c.group_size ? static_cast<size_t>(c.outputs * w.groups) : 0u);
    for (int8_t v : w.values) {
      ASSERT_GE(v, c.group_size ? -8 : -127);
      ASSERT_LE(v, c.group_size ? 7 : 127);
    }
    for (uint8_t m : w.multipliers) ASSERT_GE(m, 1);
    for (float s : w.scales) ASSERT_GT(s, 0.0f);
    for (int64_t o = 0; o < c.outputs; ++o) ASSERT_LT(w.row_bound(o), int64_t{1} << 30);
  }
}

INSTANTIATE_TEST_SUITE_P(shapes, layers,
                         ::testing::Values(Case{"int4", 24, 64, 1, 1, 32}, Case{"int4_conv", 8, 12, 9, 1, 32},
                                           Case{"int4_g128", 8, 150, 1, 1, 128}, Case{"int8", 12, 40, 1, 1, 0},
                                           Case{"int8_depthwise", 16, 1, 9, 16, 0},
                                           Case{"int8_grouped", 8, 4, 9, 2, 0}),
                         [](const auto& info) { return info.param.name; });

LeastSquares problem_of(const RandomLayer& layer) {
  const GroupSums sums{layer.layer.outputs,      layer.moments.row(),     static_cast<double>(layer.moments.count),
                       layer.moments.gram_of(0), layer.moments.sum_of(0), layer.weights};
  return make_least_squares(sums, std::vector<WantedSums>(1), {}, true).value().front();
}

TEST(coordinate_descent, never_raises_its_loss_from_any_start) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const RandomLayer layer(4, seed % 2 ? 40 : 9, 1, 1, seed % 2 ? 32 : 0, 300, seed);
    const LeastSquares problem = problem_of(layer);
    const RowFormat format = row_format(layer.layer.inputs, 1, layer.layer.group_size);
    for (int64_t o = 0; o < 4; ++o) {
      WeightRow row = format.row();
      const std::span<const double> target(problem.optimum.data() + o * problem.width,
                                           static_cast<size_t>(problem.width));
      choose_scales(problem, target, {}, row);
      const Floats start = noise(row.value.size(), seed + 100);
      for (size_t j = 0; j < start.size(); ++j) row.value[j] = static_cast<int32_t>(start[j] * 7.0f);
      double before = excess(problem, o, row.reals());
      for (int sweep = 0; sweep < 6; ++sweep) {
        descend(problem, o, {.sweeps = 1, .least_gain = 0.0, .move_scales = sweep % 2 == 1}, row);
        const double after = excess(problem, o, row.reals());
        ASSERT_LE(after, before * (1.0 + 1e-9));
        before = after;
      }
      const double descended = before;
      if (problem.width <= kExactWidth) {
        search_exactly(problem, o, true, row);
        ASSERT_LE(excess(problem, o, row.reals()), descended * (1.0 + 1e-9));
      }
    }
  }
}

TEST(coordinate_descent, says_the_loss_it_ends_with) {
  const RandomLayer layer(4, 40, 1, 1, 32, 300, 3);
  const LeastSquares problem = problem_of(layer);
  const RowFormat format = row_format(40, 1, 32);
  WeightRow row = format.row();
  const std::span<const double> target(problem.optimum.data(), 40);
  choose_scales(problem, target, {}, row);
  round_to_nearest(target, row);
  const double told = descend(problem, 0, {}, row);
  EXPECT_NEAR(told, excess(problem, 0, row.reals()), told * 1e-9);
}

TEST(exact_search, finds_what_trying_every_rounding_finds) {
  const RandomLayer layer(3, 6, 1, 1, 0, 200, 9);
  const LeastSquares problem = problem_of(layer);
  const RowFormat format = row_format(6, 1, 0);
  for (int64_t o = 0; o < 3; ++o) {
    WeightRow row = format.row();
    row.scale = static_cast<double>(0.11f);
    const std::span<const double> target(problem.optimum.data() + o * 6, 6);
    round_to_nearest(target, row);
    double least = std::numeric_limits<double>::infinity();
    for (uint32_t bits = 0; bits < 64; ++bits) {
      WeightRow trial = row;
      for (size_t j = 0; j < 6; ++j)
        trial.value[j] =
            static_cast<int32_t>(std::floor(target[j] / trial.scale)) + static_cast<int32_t>(bits >> j & 1);
      least = std::min(least, excess(problem, o, trial.reals()));
    }
    EXPECT_NEAR(search_exactly(problem, o, false, row), least, 1e-12);
  }
}

TEST(nearest_plane, is_gptq_with_the_inverse) {
  // The textbook form: q_j = round(w_j), then the rest moves by -(w_j - q_j) / U_jj * U_j, U upper with UT U = H^-1.
  // That equals dividing out the remaining block of H, written here as a dense solve per element.
  const RandomLayer layer(2, 7, 1, 1, 0, 100, 12);
  const LeastSquares p = problem_of(layer);
  const PlaneFactor f = make_plane_factor(p);
  const RowFormat format = row_format(7, 1, 0);
  for (int64_t o = 0; o < 2; ++o) {
    WeightRow row = format.row();
    row.scale = static_cast<double>(0.2f);
    WeightRow textbook = row;
    std::vector<double> w(p.optimum.begin() + o * 7, p.optimum.begin() + o * 7 + 7);
    std::vector<size_t> left;
    for (int64_t j : f.order) left.push_back(static_cast<size_t>(j));
    while (!left.empty()) {
      const size_t j = left.back();
      left.pop_back();
      textbook.value[j] = textbook.nearest(j, w[j]);
      const double e = w[j] - textbook.real(j);
      // min over d of (e at j fixed): H_FF d = -H_Fj * (-e)  =>  d = H_FF^-1 H_Fj e
      const size_t n = left.size();
      std::vector<double> a(n * n), b(n);
      for (size_t r = 0; r < n; ++r) {
        for (size_t c = 0; c < n; ++c) a[r * n + c] = p.h()[left[r] * 7 + left[c]];
        b[r] = p.h()[left[r] * 7 + j] * e;
      }
      for (size_t c = 0; c < n; ++c) {
        for (size_t r = 0; r < n; ++r) {
          if (r == c) continue;
          const double ratio = a[r * n + c] / a[c * n + c];
          for (size_t i = 0; i < n; ++i) a[r * n + i] -= ratio * a[c * n + i];
          b[r] -= ratio * b[c];
        }
      }
      for (size_t r = 0; r < n; ++r) w[left[r]] += b[r] / a[r * n + r];
    }
    round_nearest_plane(p, f, o, row);
    EXPECT_EQ(row.value, textbook.value);
  }
}

TEST(round_layer, takes_few_constant_or_absent_samples) {
  for (const int64_t samples : {1, 3}) {
    const RandomLayer layer(6, 50, 1, 1, 32, samples, 7);
    const auto rounded = round_with(layer, {});
    const std::vector<float> w = quantization::dequantize(rounded.weights);
    double error = 0, energy = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      error += std::pow(static_cast<double>(w[i]) - static_cast<double>(layer.weights[i]), 2.0);
      energy += std::pow(static_cast<double>(layer.weights[i]), 2.0);
    }
    EXPECT_LT(error, 0.05 * energy);  // weights that nothing is known of stay near what they were
  }
  RandomLayer dead(6, 50, 1, 1, 32, 20, 7);
  std::fill(dead.moments.gram.begin(), dead.moments.gram.end(), 0.0);
  std::fill(dead.moments.sum.begin(), dead.moments.sum.end(), 0.0);
  const auto rounded = round_with(dead, {});
  EXPECT_EQ(rounded.bias, dead.layer.bias);
  dead.moments.count = 0;
  EXPECT_TRUE(round_layer(dead.layer, dead.moments, {}, {}));
}

TEST(round_layer, refuses_nan) {
  RandomLayer layer(6, 10, 1, 1, 0, 20, 7);
  layer.moments.gram[3] = std::numeric_limits<double>::quiet_NaN();
  const auto result = round_layer(layer.layer, layer.moments, {}, {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("NaN"), std::string::npos);
}

TEST(round_layer, keeps_scales_that_came_with_the_network) {
  const RandomLayer layer(6, 10, 1, 1, 0, 200, 7);
  const Floats scales{0.011f, 0.012f, 0.013f, 0.014f, 0.015f, 0.016f};
  LayerWeights fixed = layer.layer;
  fixed.fixed_scales = scales;
  const auto result = round_layer(fixed, layer.moments, {}, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->layer.weights.scales, scales);
}

TEST(round_layer, leaves_weights_that_lie_on_a_grid) {
  // As training for quantization leaves them; the inputs are so alike that second order would move most of them.
  const RandomLayer layer(6, 20, 1, 1, 0, 200, 9);
  const float step = 0.013f;
  Floats weights;
  for (size_t i = 0; i < layer.weights.size(); ++i)
    weights.push_back(step * static_cast<float>(static_cast<int>(i * 37 % 201) - 100));
  LayerWeights grid = layer.layer;
  grid.weights = weights;
  Targets targets{std::vector<double>(weights.size(), 3.0), std::vector<double>(6, 1.0)};  // far from them
  for (const Method method : {Method::nearest, Method::gptq, Method::cd}) {
    const auto result = round_layer(grid, layer.moments, targets, {.method = method});
    ASSERT_TRUE(result);
    const std::vector<float> found = quantization::dequantize(result->layer.weights);
    for (size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(found[i], weights[i], 1e-5f);
  }
}

TEST(targets, are_met_where_the_inputs_are_distorted) {
  // The quantized network sees x2 = 0.9 x + 0.1; the wanted output is that of x.
  const RandomLayer layer(8, 40, 1, 1, 32, 2000, 8);
  const auto row = static_cast<size_t>(layer.moments.row()), n = static_cast<size_t>(layer.moments.count);
  Floats distorted = layer.x, wanted(n * 8);
  for (float& v : distorted) v = 0.9f * v + 0.1f;
  statistics::multiply_rows(layer.x.data(), layer.weights.data(), static_cast<int64_t>(n), 8, static_cast<int64_t>(row),
                            wanted.data(), 1);
  statistics::LayerMoments moments = statistics::make_layer_moments(40, 1, 1);
  moments.count = n;
  statistics::add_gram(distorted.data(), static_cast<int64_t>(n), 40, moments.gram.data(), 1);
  statistics::add_sum(distorted.data(), static_cast<int64_t>(n), 40, moments.sum.data());
  Targets targets{std::vector<double>(8 * 40, 0.0), std::vector<double>(8, 0.0)};
  statistics::add_cross(wanted.data(), distorted.data(), static_cast<int64_t>(n), 8, 40, targets.cross.data(), 1);
  statistics::add_sum(wanted.data(), static_cast<int64_t>(n), 8, targets.sum.data());
  const auto error = [&](const quantization::RoundedLayer& rounded) {
    const std::vector<float> w = quantization::dequantize(rounded.weights);
    double sum = 0;
    for (size_t s = 0; s < n; ++s) {
      for (size_t o = 0; o < 8; ++o) {
        double y = static_cast<double>(rounded.bias[o]) - static_cast<double>(layer.layer.bias[o]);
        for (size_t i = 0; i < row; ++i)
          y += static_cast<double>(w[o * row + i]) * static_cast<double>(distorted[s * row + i]);
        sum += std::pow(y - static_cast<double>(wanted[s * 8 + o]), 2.0);
      }
    }
    return sum;
  };
  const auto with = round_layer(layer.layer, moments, targets, {});
  const auto without = round_layer(layer.layer, moments, {}, {});
  ASSERT_TRUE(with && without);
  EXPECT_LT(error(with->layer), 0.5 * error(without->layer));
}

}  // namespace
}  // namespace nibble::test

// Rounding of weights, choice of ranges, histograms.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/calibrate/calibrate.h"
#include "converter/quantize/weights.h"
#include "tests/converter/oracle_run.h"

namespace nibble::test {
namespace {

using namespace quantization;

double rms(const std::vector<float>& v) {
  double sum = 0;
  for (float x : v) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum / static_cast<double>(v.size()));
}

double error_rms(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> d;
  for (size_t i = 0; i < a.size(); ++i) d.push_back(a[i] - b[i]);
  return rms(d);
}

TEST(weights_int8, lie_within_half_a_step_of_the_real_ones) {
  Floats w = noise(3 * 5 * 9);
  for (size_t i = 0; i < 45; ++i) w[i] *= 1e-6f;  // a channel of tiny weights
  for (size_t i = 45; i < 90; ++i) w[i] = 0.0f;   // one of zeros
  const QuantizedWeights q = round_int8(w, 3, 5, 9, {});
  const std::vector<float> real = dequantize(q);
  for (size_t i = 0; i < w.size(); ++i) {
    EXPECT_LE(std::abs(real[i] - w[i]), 0.5001f * q.scales[i / 45]) << i;
    EXPECT_NE(q.values[i], -128);
  }
  for (size_t i = 45; i < 90; ++i) EXPECT_EQ(q.values[i], 0);
  EXPECT_EQ(*std::max_element(q.values.begin(), q.values.begin() + 45,
                              [](int a, int b) { return std::abs(a) < std::abs(b); }) %
                127,
            0);
}

TEST(weights_int8, keep_scales_that_came_with_them) {
  const std::vector<float> scales{0.5f, 0.25f};
  const QuantizedWeights q = round_int8(Floats{-64, 1, -32, 31.75f}, 2, 2, 1, scales);
  EXPECT_EQ(q.scales, scales);
  EXPECT_EQ(q.values, (std::vector<int8_t>{-128, 2, -128, 127}));
}

TEST(weights_int4, have_a_short_last_group_and_small_error) {
  for (const int32_t group_size : {32, 64, 128}) {
    const int64_t inputs = 5, kernel = 9, outputs = 6;  // packed reduction: 9 positions of 8 inputs
    const Floats w = noise(static_cast<size_t>(outputs * inputs * kernel));
    const QuantizedWeights q = round_int4(w, outputs, inputs, kernel, group_size);
    EXPECT_EQ(q.groups, (72 + group_size - 1) / group_size);
    EXPECT_EQ(group_of(inputs - 1, kernel - 1, inputs, group_size), q.groups - 1);
    EXPECT_EQ(q.multipliers.size(), static_cast<size_t>(outputs * q.groups));
    EXPECT_EQ(std::count(q.multipliers.begin(), q.multipliers.end(), 0), 0);
    for (int8_t v : q.values) EXPECT_TRUE(v >= -8 && v <= 7);
    EXPECT_LT(error_rms(w, dequantize(q)), 0.12 * rms(w)) << group_size;
  }
}

TEST(weights_int4, groups_of_different_size_keep_their_own_steps) {
  Floats w = noise(64);
  for (size_t i = 32; i < 64; ++i) w[i] *= 0.02f;
  const QuantizedWeights q = round_int4(w, 1, 64, 1, 32);
  const std::vector<float> real = dequantize(q);
  EXPECT_LT(error_rms({w.begin() + 32, w.end()}, {real.begin() + 32, real.end()}),
            0.2 * rms({w.begin() + 32, w.end()}));
}

TEST(weights_int4, sums_cannot_leave_int32) {
  for (const int64_t inputs : {64, 4112, 40000, 900000}) {
    const QuantizedWeights q = round_int4(Floats(static_cast<size_t>(inputs), -1.0f), 1, inputs, 1, 32);
    const int64_t most = q.row_bound(0) + 127 * std::abs(q.row_sum(0)) + (int64_t{1} << 28);
    EXPECT_LT(most, int64_t{1} << 31) << inputs;
    EXPECT_NEAR(dequantize(q)[0], -1.0, 0.1) << inputs;
  }
}

TEST(ranges, represent_zero_exactly_and_lose_at_most_half_a_step) {
  for (const Range range : {Range{-1, 1}, Range{0, 6}, Range{2, 3}, Range{-5, -1}, Range{-0.1f, 10}, Range{0, 0},
                            Range{-3e38f, 3e38f}, Range{0, 1e-30f}}) {
    const ActivationQuant q = choose_quant(range);
    ASSERT_GT(q.scale, 0.0f);
    EXPECT_TRUE(std::isfinite(q.scale));
    EXPECT_TRUE(q.zero_point >= -127 && q.zero_point <= 127);
    const double low = static_cast<double>(q.scale) * (q.min - q.zero_point),
                 high = static_cast<double>(q.scale) * (q.max - q.zero_point);
    EXPECT_LE(low - 0.51 * static_cast<double>(q.scale), std::min(static_cast<double>(range.low), 0.0))
        << range.low << " " << range.high;
    EXPECT_GE(high + 0.51 * static_cast<double>(q.scale), std::max(static_cast<double>(range.high), 0.0))
        << range.low << " " << range.high;
  }
  EXPECT_EQ(choose_quant({0, 6}).zero_point, -127);  // one sign uses all levels
  EXPECT_EQ(choose_quant({-6, 0}).zero_point, 127);
}

TEST(histograms, do_not_depend_on_the_order_of_values) {
  Floats values = noise(5000);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= std::ldexp(1.0f, static_cast<int>(i % 20));
  calibrate::Histogram up, down;
  up.add(values);
  std::reverse(values.begin(), values.end());
  for (float v : values) down.add(std::span(&v, 1));
  EXPECT_EQ(up.count(), 5000u);
  EXPECT_EQ(up.minimum(), *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(up.maximum(), *std::max_element(values.begin(), values.end()));
  for (const double percent : {99.0, 99.9}) {
    EXPECT_EQ(up.percentile(percent).low, down.percentile(percent).low);
    EXPECT_EQ(up.percentile(percent).high, down.percentile(percent).high);
  }
  EXPECT_EQ(up.least_squared_error().high, down.least_squared_error().high);
}

TEST(histograms, leave_out_rare_outliers_where_asked) {
  Floats values = noise(100000);
  values[5] = 1000.0f;
  calibrate::Histogram h;
  h.add(values);
  EXPECT_EQ(h.min_max().high, 1000.0f);
  EXPECT_LT(h.percentile(99.9).high, 2.0f);
  EXPECT_GT(h.percentile(99.9).high, 0.9f);
  EXPECT_EQ(h.percentile(100.0).high, 1000.0f);
  EXPECT_LT(h.least_squared_error().high, 1000.0f);
}

TEST(histograms, of_one_sign_keep_zero_at_the_edge) {
  Floats values = noise(1000);
  for (float& v : values) v = std::abs(v);
  calibrate::Histogram h;
  h.add(values);
  for (const Range range : {h.min_max(), h.percentile(99), h.least_squared_error()}) {
    EXPECT_GE(range.low, 0.0f);
    EXPECT_EQ(choose_quant(range).zero_point, -127);
  }
  calibrate::Histogram zeros;
  zeros.add(Floats(10, 0.0f));
  EXPECT_EQ(zeros.least_squared_error().high, 0.0f);
  EXPECT_EQ(zeros.percentile(99).high, 0.0f);
}

TEST(calibration, names_the_tensor_that_held_nan) {
  Graph graph;
  graph.add_tensor({"good", DType::f32, {2}, {}, Packing::plain});
  graph.add_tensor({"bad", DType::f32, {2}, {}, Packing::plain});
  calibrate::Calibrator calibrator(graph);
  const auto observe = calibrator.observer();
  observe(0, Floats{-1, 2});
  const auto fine = calibrator.ranges({});
  ASSERT_TRUE(fine);
  EXPECT_EQ(fine->at(0).high, 2.0f);
  EXPECT_FALSE(fine->contains(1));
  observe(1, Floats{0, std::numeric_limits<float>::quiet_NaN()});
  const auto ranges = calibrator.ranges({});
  ASSERT_FALSE(ranges);
  EXPECT_NE(ranges.error().message.find("'bad'"), std::string::npos) << ranges.error().message;
  EXPECT_FALSE(calibrate::parse_method("average"));
}

TEST(round_int8, keeps_weights_that_were_rounded_before) {
  // Multiples of 0.0123 up to 50 of them: at max / 127 a second rounding would move most.
  std::vector<float> w;
  for (int i = 0; i < 40; ++i) w.push_back(0.0123f * static_cast<float>(i % 2 ? i * 7 % 51 : -(i * 11 % 51)));
  const auto rounded = quantization::round_int8(w, 1, 40, 1, {});
  EXPECT_NEAR(rounded.scales[0], 0.0123f / 2, 1e-8f);  // of which twice 50 are still below 127
  const std::vector<float> back = quantization::dequantize(rounded);
  for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(back[i], w[i], 1e-7f);
}

TEST(round_int8, takes_other_weights_to_the_full_range) {
  const std::vector<float> w{0.11f, -0.737f, 0.2718f, 0.31415f, 0.577f, -0.1618f, 0.4321f, 0.0915f, 0.6931f};
  const auto rounded = quantization::round_int8(w, 1, 9, 1, {});
  EXPECT_FLOAT_EQ(rounded.scales[0], 0.737f / 127.0f);
}

}  // namespace
}  // namespace nibble::test

#include "converter/search/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "converter/search/budget.h"

namespace nibble::search {
namespace {

using reference::FloatValue;

FloatValue row(std::vector<float> values) {
  TensorDesc desc;
  desc.shape = {1, static_cast<int64_t>(values.size())};
  FloatValue v = reference::make_value<float>(desc).value();
  v.real = std::move(values);
  return v;
}

SampleRun rows(std::vector<std::vector<float>> values) {
  return
      [values = std::move(values)](size_t i) -> Result<std::vector<FloatValue>> { return std::vector{row(values[i])}; };
}

const std::vector<std::vector<float>> kScores = {{3, 1, 0}, {0, 2, 1}, {1, 0, 5}, {2, 1, 0}};

TEST(Divergence, of_a_network_from_itself_is_nothing) {
  const auto oracle = DivergenceOracle::make(4, rows(kScores), {0, 1, 2, 1});
  ASSERT_TRUE(oracle);
  const auto d = oracle->measure(rows(kScores));
  ASSERT_TRUE(d);
  EXPECT_EQ(d->samples, 4u);
  EXPECT_EQ(d->loss.mean, 0.0);
  EXPECT_EQ(d->agreement->mean, 1.0);
  EXPECT_EQ(d->top1_drop->mean, 0.0);
  EXPECT_GE(d->sqnr_db(), 199.0);
}

TEST(Divergence, takes_a_row_a_pixel_where_classes_come_as_maps) {
  // Nine classes on 1 x 2 pixels: [1, 9, 1, 2].
  TensorDesc desc;
  desc.shape = {1, 9, 1, 2};
  FloatValue a = reference::make_value<float>(desc).value(), b = a;
  for (size_t c = 0; c < 9; ++c) a.real[2 * c] = a.real[2 * c + 1] = c == 4 ? 5.0f : 0.0f;
  b.real = a.real;
  std::swap(b.real[2 * 4 + 1], b.real[2 * 7 + 1]);  // the second pixel changes its class
  const auto one = [](const FloatValue& v) {
    return [v](size_t) -> Result<std::vector<FloatValue>> { return std::vector{v}; };
  };
  const auto oracle = DivergenceOracle::make(1, one(a), {});
  ASSERT_TRUE(oracle && oracle->has_classes());
  const auto d = oracle->measure(one(b));
  ASSERT_TRUE(d);
  EXPECT_DOUBLE_EQ(d->agreement->mean, 0.5);
  // (p4 - p7) * 5 on one of two pixels.
  const double z = std::exp(5.0) + 8.0;
  EXPECT_NEAR(d->kl->mean, 0.5 * 5.0 * (std::exp(5.0) - 1.0) / z, 1e-6);
}

TEST(Divergence, counts_agreement_paired_drop_and_kl_as_defined) {
  const auto oracle = DivergenceOracle::make(4, rows(kScores), {0, 1, 2, 1});
  ASSERT_TRUE(oracle);
  EXPECT_TRUE(oracle->has_classes() && oracle->has_labels());
  auto changed = kScores;
  changed[0] = {1, 3, 0};  // was right, is wrong
  changed[3] = {1, 2, 0};  // was wrong, is right
  const auto d = oracle->measure(rows(changed));
  ASSERT_TRUE(d);
  EXPECT_DOUBLE_EQ(d->agreement->mean, 0.5);
  EXPECT_DOUBLE_EQ(d->top1_drop->mean, 0.0);
  // KL of softmax(3, 1, 0) and its first two swapped: (p0 - p1) * (3 - 1).
  const double z = std::exp(3.0) + std::exp(1.0) + 1.0, first = 2.0 * (std::exp(3.0) - std::exp(1.0)) / z;
  const double y = std::exp(2.0) + std::exp(1.0) + 1.0, second = (std::exp(2.0) - std::exp(1.0)) / y;
  EXPECT_NEAR(d->kl->mean, (first + second) / 4.0, 1e-9);
  EXPECT_LE(d->kl->low, d->kl->mean);
  EXPECT_GE(d->kl->high, d->kl->mean);
}

TEST(Divergence, takes_probabilities_as_they_are) {
  const auto oracle = DivergenceOracle::make(1, rows({{0.75f, 0.25f}}), {});
  ASSERT_TRUE(oracle);
  EXPECT_FALSE(oracle->has_labels());
  const auto d = oracle->measure(rows({{0.5f, 0.5f}}));
  ASSERT_TRUE(d);
  EXPECT_NEAR(d->kl->mean, 0.75 * std::log(1.5) + 0.25 * std::log(0.5), 1e-6);
}

TEST(Divergence, what_is_not_finite_is_as_bad_as_it_gets) {
  const auto oracle = DivergenceOracle::make(4, rows(kScores), {});
  ASSERT_TRUE(oracle);
  auto broken = kScores;
  broken[1][2] = std::numeric_limits<float>::quiet_NaN();
  const auto d = oracle->measure(rows(broken));
  ASSERT_TRUE(d);
  EXPECT_DOUBLE_EQ(d->agreement->mean, 0.75);
  EXPECT_GT(d->loss.mean, 10.0);
  EXPECT_TRUE(std::isfinite(d->loss.mean));
}

TEST(Divergence, another_shape_is_an_error) {
  const auto oracle = DivergenceOracle::make(1, rows({{1, 2, 3}}), {});
  ASSERT_TRUE(oracle);
  EXPECT_FALSE(oracle->measure(rows({{1, 2}})));
}

TEST(Divergence, bootstrap_intervals_cover_as_often_as_they_say) {
  // Means of 30 uniform numbers; the true mean is 0.5.
  uint64_t state = 1;
  const auto uniform = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 33) / 2147483648.0;
  };
  int covered = 0;
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 30; ++i) values.push_back(uniform());
    const Estimate e = bootstrap(values);
    covered += e.low <= 0.5 && 0.5 <= e.high;
  }
  EXPECT_GE(covered, 268);  // 95 % of 300 is 285; the percentile interval is a little short at n = 30
  EXPECT_LE(covered, 298);
}

TEST(Budget, reads_bounds) {
  EXPECT_DOUBLE_EQ(parse_bound("0.125x", "--max-size")->of(800.0), 100.0);
  EXPECT_DOUBLE_EQ(parse_bound("2x", "--max-size")->of(800.0), 1600.0);
  EXPECT_DOUBLE_EQ(parse_bound("619k", "--max-size")->of(1.0), 619000.0);
  EXPECT_DOUBLE_EQ(parse_bound("4MB", "--max-size")->of(1.0), 4e6);
  EXPECT_DOUBLE_EQ(parse_bound("1.5e6", "--max-size")->of(1.0), 1.5e6);
  for (const char* wrong : {"", "x", "0", "-1", "0x", "0x10", " 5", "5 ", "inf", "nan", "5kk", "1e400"})
    EXPECT_FALSE(parse_bound(wrong, "--max-size")) << wrong;
  EXPECT_EQ(parse_drop("sqnr:30")->kind, DropBound::Kind::sqnr);
  EXPECT_DOUBLE_EQ(parse_drop("0")->value, 0.0);
  for (const char* wrong : {"", "kl:", "foo:1", "-1", "2%"}) EXPECT_FALSE(parse_drop(wrong)) << wrong;
}

TEST(Budget, a_drop_without_a_kind_is_about_what_there_is) {
  EXPECT_EQ(settle({DropBound::Kind::automatic, 1}, true, true)->kind, DropBound::Kind::top1);
  EXPECT_EQ(settle({DropBound::Kind::automatic, 1}, true, false)->kind, DropBound::Kind::agreement);
  EXPECT_FALSE(settle({DropBound::Kind::automatic, 1}, false, false));
  EXPECT_FALSE(settle({DropBound::Kind::kl, 1}, false, false));
  EXPECT_TRUE(settle({DropBound::Kind::sqnr, 30}, false, false));
}

}  // namespace
}  // namespace nibble::search

#include "converter/report/error_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "converter/report/statistics.h"

namespace nibble::report {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ErrorSums, ratio_of_squares_over_all_that_was_added) {
  ErrorSums sums;
  sums.add(std::vector<float>{3.0f, 0.0f}, std::vector<float>{3.0f, 1.0f});
  sums.add(std::vector<float>{4.0f, 0.0f}, std::vector<float>{4.5f, 0.0f});
  // Signal 9 + 16, noise 1 + 0.25.
  EXPECT_NEAR(*sums.sqnr_db(), 13.0103, 1e-4);
  EXPECT_NEAR(*sums.max_abs(), 1.0, 1e-12);
  EXPECT_NEAR(*sums.noise_ratio(), 0.05, 1e-12);
  EXPECT_NEAR(*sums.cosine(), 27.0 / (5.0 * std::sqrt(30.25)), 1e-9);
  EXPECT_FALSE(sums.exact());
}

TEST(ErrorSums, merged_sums_are_those_of_all_values) {
  const std::vector<float> a{1.0f, -2.0f}, b{1.5f, -2.0f}, c{0.25f}, d{0.75f};
  ErrorSums first, second, both;
  first.add(a, b);
  second.add(c, d);
  first.merge(second);
  both.add(a, b);
  both.add(c, d);
  EXPECT_DOUBLE_EQ(*first.sqnr_db(), *both.sqnr_db());
  EXPECT_DOUBLE_EQ(*first.cosine(), *both.cosine());
  EXPECT_EQ(first.values(), 3u);
}

TEST(ErrorSums, equal_values_are_exact_and_limited) {
  ErrorSums sums;
  sums.add(std::vector<float>{1.0f, -7.0f}, std::vector<float>{1.0f, -7.0f});
  EXPECT_TRUE(sums.exact());
  EXPECT_DOUBLE_EQ(*sums.sqnr_db(), kMostDecibels);
}

TEST(ErrorSums, says_nothing_without_values_or_without_a_signal) {
  ErrorSums none;
  EXPECT_FALSE(none.sqnr_db());
  EXPECT_FALSE(none.max_abs());
  ErrorSums silent;
  silent.add(std::vector<float>{0.0f}, std::vector<float>{1.0f});
  EXPECT_FALSE(silent.sqnr_db());
  EXPECT_FALSE(silent.cosine());
  EXPECT_DOUBLE_EQ(*silent.max_abs(), 1.0);
}

TEST(ErrorSums, counts_values_that_are_not_finite_on_one_side_only) {
  ErrorSums sums;
  sums.add(std::vector<float>{kInfinity, kNan, 1.0f, 2.0f}, std::vector<float>{kInfinity, kNan, kNan, 2.0f});
  EXPECT_EQ(sums.not_finite(), 1u);
  EXPECT_FALSE(sums.sqnr_db());
  EXPECT_FALSE(sums.exact());
}

TEST(ErrorSums, masked_scores_do_not_drown_the_others) {
  ErrorSums sums;
  sums.add(std::vector<float>{-1e9f, 1.0f, -1e9f}, std::vector<float>{-1.1e9f, 1.1f, -1e9f});
  EXPECT_NEAR(*sums.sqnr_db(), 20.0, 1e-4);
  sums.add(std::vector<float>{-1e9f}, std::vector<float>{0.0f});
  EXPECT_LT(*sums.sqnr_db(), 1.0) << "masked on one side only is an error";
}

TEST(Statistics, wilson_interval_of_eight_in_ten) {
  const Interval interval = wilson_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.4902, 1e-4);
  EXPECT_NEAR(interval.high, 0.9433, 1e-4);
}

TEST(Statistics, wilson_interval_stays_within_zero_and_one) {
  EXPECT_EQ(wilson_interval(0, 5).low, 0.0);
  EXPECT_LT(wilson_interval(0, 5).high, 0.5);
  EXPECT_EQ(wilson_interval(5, 5).high, 1.0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1.0);
}

TEST(Statistics, first_run_counts_only_when_it_is_the_only_one) {
  RunTimes times;
  EXPECT_FALSE(times.median_ms());
  times.add(9.0, true);
  EXPECT_DOUBLE_EQ(*times.median_ms(), 9000.0);
  times.add(0.001, false);
  times.add(0.003, false);
  EXPECT_NEAR(*times.median_ms(), 2.0, 1e-9);
}

}  // namespace
}  // namespace nibble::report

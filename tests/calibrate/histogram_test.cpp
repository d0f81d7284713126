// Ranges from histograms.
#include "converter/calibrate/histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace nibble::test {
namespace {

using calibrate::Histogram;

// Normal values of deviation 1, and `outliers` of them at 100.
Histogram normal(size_t outliers, bool positive = false) {
  std::mt19937 random(1);
  std::vector<float> values;
  // Box and Muller: what the library's distributions do with a seed is not the same everywhere.
  const auto uniform = [&] { return (static_cast<double>(random()) + 1.0) / 4294967297.0; };
  for (int i = 0; i < 100000; ++i) {
    const double v = std::sqrt(-2.0 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
    values.push_back(static_cast<float>(positive ? std::abs(v) : v));
  }
  for (size_t i = 0; i < outliers; ++i) values.push_back(100.0f);
  Histogram h;
  h.add(values);
  return h;
}

TEST(histogram, entropy_cuts_off_outliers_that_say_little) {
  const auto range = normal(5).entropy();
  EXPECT_LT(range.high, 20.0f);
  EXPECT_GT(range.high, 2.0f);
  EXPECT_LT(range.low, -2.0f);
}

TEST(histogram, entropy_keeps_nearly_all_of_a_distribution_without_outliers) {
  Histogram h;
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) values.push_back(static_cast<float>(i % 2000) / 2000.0f);
  h.add(values);
  const auto range = h.entropy();
  EXPECT_GT(range.high, 0.95f);
  EXPECT_GE(range.low, 0.0f);
}

TEST(histogram, entropy_of_one_sign_stays_on_its_side) {
  const auto range = normal(5, true).entropy();
  EXPECT_GE(range.low, 0.0f);
  EXPECT_LT(range.high, 20.0f);
}

TEST(histogram, entropy_does_not_depend_on_the_order_of_values) {
  Histogram a, b;
  const std::vector<float> first{0.1f, 0.2f, 3.0f}, second{-7.0f, 0.5f, 0.25f};
  a.add(first), a.add(second);
  b.add(second), b.add(first);
  EXPECT_EQ(a.entropy().low, b.entropy().low);
  EXPECT_EQ(a.entropy().high, b.entropy().high);
}

TEST(histogram, entropy_of_zeros_is_a_range_of_nothing) {
  Histogram h;
  h.add(std::vector<float>(10, 0.0f));
  EXPECT_EQ(h.entropy().low, 0.0f);
  EXPECT_EQ(h.entropy().high, 0.0f);
}

}  // namespace
}  // namespace nibble::test

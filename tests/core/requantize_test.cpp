#include "core/requantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace nibble {
namespace {

constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
constexpr int32_t kMin = std::numeric_limits<int32_t>::min();

__extension__ using Wide = __int128;

int32_t by_definition(int32_t value, int32_t multiplier, int32_t shift) {
  const Wide magnitude = Wide{value < 0 ? -int64_t{value} : int64_t{value}} * multiplier;
  const Wide rounded = (magnitude + (Wide{1} << (shift - 1))) >> shift;
  const auto limited = static_cast<int32_t>(rounded > kMax ? kMax : static_cast<int64_t>(rounded));
  return value < 0 ? -limited : limited;
}

TEST(requantize, rounds_ties_away_from_zero) {
  EXPECT_EQ(requantize(3, 1 << 30, 31), 2);    // 1.5
  EXPECT_EQ(requantize(-3, 1 << 30, 31), -2);  // -1.5
  EXPECT_EQ(requantize(1, 1 << 30, 31), 1);
  EXPECT_EQ(requantize(-1, 1 << 30, 31), -1);
  EXPECT_EQ(requantize(1, (1 << 30) - 1, 31), 0);
}

TEST(requantize, agrees_with_the_definition_in_128_bits) {
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    const auto value = static_cast<int32_t>(random() >> (random() % 31)) * (random() % 2 ? 1 : -1);
    const auto multiplier = static_cast<int32_t>((1u << 30) + random() % (1u << 30));
    const auto shift = static_cast<int32_t>(1 + random() % 62);
    ASSERT_EQ(requantize(value, multiplier, shift), by_definition(value, multiplier, shift))
        << value << " * " << multiplier << " >> " << shift;
  }
}

TEST(requantize, saturates_instead_of_wrapping) {
  EXPECT_EQ(requantize(kMax, kMax, 1), kMax);
  EXPECT_EQ(requantize(kMin, kMax, 1), -kMax);
  EXPECT_EQ(requantize(kMin, 1 << 30, 62), -1);  // half a step
  EXPECT_EQ(requantize(kMax, 0, 1), 0);
}

TEST(round_shift, rounds_ties_away_from_zero) {
  EXPECT_EQ(round_shift(5, 1), 3);
  EXPECT_EQ(round_shift(-5, 1), -3);
  EXPECT_EQ(round_shift(-6, 2), -2);
  EXPECT_EQ(round_shift(-5, 2), -1);
  EXPECT_EQ(round_shift(123, 0), 123);
  EXPECT_EQ(round_shift(kMax, 31), 1);
  EXPECT_EQ(round_shift(kMin, 31), -1);
}

TEST(fixed_multiplier, is_the_nearest_one) {
  for (double factor : {1.0, 0.5, 3.7e-5, 0.99999999999, 1234.5, 1e-9}) {
    const FixedMultiplier fixed = fixed_multiplier(factor);
    EXPECT_GE(fixed.multiplier, 1 << 30);
    EXPECT_NEAR(std::ldexp(fixed.multiplier, -fixed.shift) / factor, 1.0, 0x1p-31) << factor;
  }
  EXPECT_EQ(fixed_multiplier(1.0).multiplier, 1 << 30);
  EXPECT_EQ(fixed_multiplier(1.0).shift, 30);
}

TEST(fixed_multiplier, stays_in_range_at_the_ends) {
  for (double factor : {0.0, -1.0, 1e-30, std::nan("")}) EXPECT_EQ(fixed_multiplier(factor).multiplier, 0) << factor;
  for (double factor : {1e12, 1e300, HUGE_VAL}) {
    EXPECT_EQ(fixed_multiplier(factor).multiplier, kMax) << factor;
    EXPECT_EQ(fixed_multiplier(factor).shift, 1) << factor;
  }
}

TEST(mean_multiplier, divides_by_the_count) {
  const FixedMultiplier mean = mean_multiplier(0.5f, 0.25f, 9);
  EXPECT_EQ(requantize(9 * 10, mean.multiplier, mean.shift), 20);
  EXPECT_EQ(requantize(-9 * 10, mean.multiplier, mean.shift), -20);
}

TEST(quantize, rounds_half_away_and_clamps) {
  EXPECT_EQ(quantize(0.25, 0.5f, 3, -127, 127), 4);
  EXPECT_EQ(quantize(-0.25, 0.5f, 3, -127, 127), 2);
  EXPECT_EQ(quantize(1e30, 0.5f, 3, -127, 127), 127);
  EXPECT_EQ(quantize(-HUGE_VAL, 0.5f, 3, -127, 127), -127);
  EXPECT_EQ(quantize(std::nan(""), 0.5f, 3, -127, 127), 3);
}

}  // namespace
}  // namespace nibble

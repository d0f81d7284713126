#include "runtime/tune_search.h"

#include <gtest/gtest.h>

namespace nibble::test {
namespace {

TEST(TuneDuel, a_clear_winner_wins) { EXPECT_TRUE(wins({100, 101, 99, 100, 102}, {80, 81, 79, 80, 90})); }

TEST(TuneDuel, noise_does_not_win) {
  EXPECT_FALSE(wins({100, 101, 99, 100, 102}, {99, 100, 98, 99, 101})) << "one percent is less than the margin";
  EXPECT_FALSE(wins({100, 300, 100, 100, 100}, {100, 100, 101, 101, 101})) << "one lucky pair";
  EXPECT_FALSE(wins({200, 200, 200, 100, 100, 100}, {100, 100, 100, 120, 120, 120})) << "half of the pairs lost";
}

TEST(TuneDuel, few_pairs_say_nothing) {
  EXPECT_FALSE(wins({}, {}));
  EXPECT_FALSE(wins({100, 100}, {10, 10}));
}

TEST(TuneClock, a_part_ends_with_the_whole) {
  const TuneClock over(std::chrono::duration<double>(0));
  EXPECT_TRUE(over.over());
  EXPECT_TRUE(over.part(100).over());
  const TuneClock hour(std::chrono::hours(1));
  EXPECT_FALSE(hour.over());
  EXPECT_LE(hour.part(10).left(), 10);
}

TEST(Median, of_few_values) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({5, 1, 3}), 3);
}

}  // namespace
}  // namespace nibble::test

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

StepProblem problem_of(const std::string& window) {
  StepProblem problem;
  problem.text = "conv2d i8.i8 n1 8x9x9-8x9x9 g1 " + window + " d1x1 p1x1 u1 0";
  return problem;
}

TEST(FormerTrials, what_is_behind_at_several_problems_is_hopeless) {
  const Choice choice{"conv2d_w8_i8_shift", {4, 2, 8, 4}}, other{"conv2d_w8_i8_shift", {4, 4, 8, 4}};
  const StepProblem problem = problem_of("k3x3 s1x1");
  FormerTrials former;
  EXPECT_FALSE(former.hopeless(problem, choice));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(former.hopeless(problem, choice)) << i << " problems are too few";
    former.add(problem, choice, 1.5);
    former.add(problem, other, i == 1 ? 1.0 : 1.5);
  }
  EXPECT_TRUE(former.hopeless(problem, choice));
  EXPECT_FALSE(former.hopeless(problem, other)) << "it was the best once";
  EXPECT_FALSE(former.hopeless(problem_of("k1x1 s1x1"), choice)) << "layers of another window";
}

TEST(FormerTrials, a_row_is_hopeless_whatever_its_tile) {
  const StepProblem problem = problem_of("k3x3 s1x1");
  FormerTrials former;
  former.add_row(problem, "conv2d_w8_i8_shift", 1.5);
  EXPECT_FALSE(former.hopeless_row(problem, "conv2d_w8_i8_shift"));
  former.add_row(problem, "conv2d_w8_i8_shift", 1.6);
  EXPECT_TRUE(former.hopeless_row(problem, "conv2d_w8_i8_shift"));
  EXPECT_FALSE(former.hopeless_row(problem, "conv2d_w8_i8_f32"));
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

#include "converter/search/knapsack.h"

#include <gtest/gtest.h>

#include <random>

namespace nibble::search {
namespace {

// Every selection, one after the other.
Selection brute_force(const Knapsack& k) {
  Selection best;
  std::vector<size_t> choice(k.items.size(), 0);
  for (;;) {
    Selection s = evaluate(k, choice);
    if (s.feasible && (!best.feasible || s.loss < best.loss)) best = s;
    size_t i = 0;
    while (i < choice.size() && ++choice[i] == k.items[i].size()) choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

// Dearer choices lose less, as formats do, with noise on both.
Knapsack random_knapsack(std::mt19937& random, size_t items, size_t choices) {
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  Knapsack k;
  for (size_t i = 0; i < items; ++i) {
    const double size = 1.0 + 9.0 * unit(random), weight = unit(random);
    std::vector<Choice>& list = k.items.emplace_back();
    for (size_t c = 0; c < choices; ++c) {
      const double share = (1.0 + static_cast<double>(c)) / static_cast<double>(choices);
      list.push_back({weight * (1.0 - share) * (0.5 + unit(random)),
                      {size * share, size * share * (0.7 + 0.6 * unit(random)), 1.0 + size * share * unit(random)}});
    }
  }
  return k;
}

void set_bounds(Knapsack& k, double share, size_t bounded) {
  for (size_t c = 0; c < bounded; ++c) {
    double most = 0.0, least = 0.0;
    for (const auto& item : k.items) {
      double high = 0.0, low = kNoBound;
      for (const Choice& choice : item) high = std::max(high, choice.cost[c]), low = std::min(low, choice.cost[c]);
      most += high, least += low;
    }
    k.bound[c] = least + share * (most - least);
  }
}

class Bounds : public testing::TestWithParam<size_t> {};

TEST_P(Bounds, equals_brute_force_on_small_tables) {
  std::mt19937 random(7);
  size_t feasible = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Knapsack k = random_knapsack(random, 6, 4);
    set_bounds(k, 0.05 + 0.9 * trial / 200.0, GetParam());
    const Selection expected = brute_force(k), found = solve(k);
    ASSERT_EQ(found.feasible, expected.feasible) << trial;
    if (!expected.feasible) continue;
    ++feasible;
    EXPECT_NEAR(found.loss, expected.loss, 1e-9) << trial;
  }
  EXPECT_GT(feasible, 100u);
}

TEST_P(Bounds, large_tables_keep_the_bounds_and_come_near_the_relaxation) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 4; ++trial) {
    Knapsack k = random_knapsack(random, 60, 12);
    set_bounds(k, 0.2 + 0.15 * trial, GetParam());
    const Selection found = solve(k);
    ASSERT_TRUE(found.feasible);
    for (size_t c = 0; c < GetParam(); ++c) EXPECT_LE(found.cost[c], k.bound[c] * (1 + 1e-9));
    // What is left within bounds 1.5 % tighter is a solution too: the found one must not be worse by more than chance.
    Knapsack tighter = k;
    for (double& b : tighter.bound) b *= 0.985;
    const Selection other = solve(tighter);
    if (other.feasible) {
      EXPECT_LE(found.loss, other.loss * (1 + 1e-9));
    }
  }
}

TEST_P(Bounds, impossible_bounds_are_exceeded_by_the_least_factor) {
  std::mt19937 random(3);
  Knapsack k = random_knapsack(random, 5, 3);
  set_bounds(k, 0.0, GetParam());
  for (size_t c = 0; c < GetParam(); ++c) k.bound[c] *= 0.5;
  const Selection found = solve(k);
  EXPECT_FALSE(found.feasible);
  ASSERT_EQ(found.choice.size(), 5u);
  const auto excess = [&](const Selection& s) {
    double worst = 0.0;
    for (size_t c = 0; c < GetParam(); ++c) worst = std::max(worst, s.cost[c] / k.bound[c]);
    return worst;
  };
  Knapsack all = k;
  all.bound = {kNoBound, kNoBound, kNoBound};
  double least = kNoBound;
  std::vector<size_t> choice(5, 0);
  for (;;) {
    least = std::min(least, excess(evaluate(all, choice)));
    size_t i = 0;
    while (i < 5 && ++choice[i] == 3) choice[i++] = 0;
    if (i == 5) break;
  }
  EXPECT_LE(excess(found), least * 1.002);
}

INSTANTIATE_TEST_SUITE_P(Knapsack, Bounds, testing::Values(1u, 2u, 3u));

TEST(Knapsack, without_bounds_takes_the_least_loss) {
  std::mt19937 random(5);
  const Knapsack k = random_knapsack(random, 30, 8);
  const Selection found = solve(k);
  for (size_t i = 0; i < k.items.size(); ++i) {
    for (const Choice& c : k.items[i]) EXPECT_LE(k.items[i][found.choice[i]].loss, c.loss);
  }
}

TEST(Knapsack, nothing_to_choose_is_an_empty_selection) {
  const Selection found = solve({});
  EXPECT_TRUE(found.feasible);
  EXPECT_TRUE(found.choice.empty());
}

TEST(Knapsack, gives_the_same_selection_again) {
  std::mt19937 random(9);
  Knapsack k = random_knapsack(random, 40, 10);
  set_bounds(k, 0.3, 2);
  EXPECT_EQ(solve(k).choice, solve(k).choice);
}

}  // namespace
}  // namespace nibble::search

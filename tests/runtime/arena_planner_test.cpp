#include "runtime/arena_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace nibble {
namespace {

uint64_t padded(const Lifetime& life, uint64_t alignment) {
  return align_up(std::max<uint64_t>(life.bytes, 1), alignment);
}

// What every layout must hold, whatever the planner's taste.
void expect_valid(const std::vector<Lifetime>& lifetimes, const ArenaLayout& layout, uint64_t alignment,
                  uint64_t limit) {
  ASSERT_EQ(layout.places.size(), lifetimes.size());
  for (uint64_t bytes : layout.block_bytes) EXPECT_LE(bytes, limit);
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    const ArenaPlace& a = layout.places[i];
    ASSERT_LT(static_cast<size_t>(a.block), layout.block_bytes.size());
    EXPECT_EQ(a.offset % alignment, 0u);
    const uint64_t a_end = a.offset + padded(lifetimes[i], alignment);
    EXPECT_LE(a_end, layout.block_bytes[static_cast<size_t>(a.block)]);
    for (size_t j = 0; j < i; ++j) {
      const ArenaPlace& b = layout.places[j];
      const bool in_time =
          lifetimes[i].first_use <= lifetimes[j].last_use && lifetimes[j].first_use <= lifetimes[i].last_use;
      const bool in_space =
          a.block == b.block && a.offset < b.offset + padded(lifetimes[j], alignment) && b.offset < a_end;
      EXPECT_FALSE(in_time && in_space) << "buffers " << i << " and " << j << " share bytes while both live";
    }
  }
}

std::vector<Lifetime> random_lifetimes(std::mt19937& random, size_t count, int32_t longest) {
  std::vector<Lifetime> lifetimes;
  for (size_t i = 0; i < count; ++i) {
    const auto first = static_cast<int32_t>(random() % count);
    const auto length = static_cast<int32_t>(random() % static_cast<uint32_t>(longest));
    const uint64_t bytes = random() % 8 == 0 ? 0 : random() % (random() % 2 ? 4096u : 262144u);
    lifetimes.push_back({bytes, first, first + length});
  }
  return lifetimes;
}

TEST(ArenaPlanner, never_shares_bytes_between_buffers_that_live_together) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t count = 1 + random() % 60;
    const uint64_t alignment = uint64_t{1} << (random() % 9);
    const auto lifetimes = random_lifetimes(random, count, 1 + static_cast<int32_t>(random() % 30));
    const uint64_t limit = round % 2 ? uint64_t{1} << 40 : 300'000;
    auto layout = plan_arena(lifetimes, alignment, limit);
    ASSERT_TRUE(layout) << layout.error().message;
    expect_valid(lifetimes, *layout, alignment, limit);
  }
}

TEST(ArenaPlanner, stays_close_to_the_largest_live_set) {
  std::mt19937 random(2);
  double worst = 1, sum = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const auto lifetimes = random_lifetimes(random, 100, 1 + static_cast<int32_t>(random() % 10));
    auto layout = plan_arena(lifetimes, 16, uint64_t{1} << 40);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->block_bytes.size(), 1u);
    const uint64_t least = largest_live_bytes(lifetimes, 16);
    EXPECT_GE(layout->total_bytes(), least);
    const double ratio = static_cast<double>(layout->total_bytes()) / static_cast<double>(least);
    worst = std::max(worst, ratio);
    sum += ratio;
  }
  EXPECT_LE(worst, 1.2);
  EXPECT_LE(sum / kRounds, 1.01);
}

TEST(ArenaPlanner, a_shrinking_chain_needs_its_largest_pair) {
  // Layer after layer of a classifier: each step reads one buffer and writes the next, smaller one.
  std::vector<Lifetime> chain;
  for (int32_t i = 0; i < 20; ++i) chain.push_back({uint64_t{1} << (24 - i), i, i + 1});
  auto layout = plan_arena(chain, 64, 1 << 30);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->total_bytes(), largest_live_bytes(chain, 64));
}

TEST(ArenaPlanner, a_residual_chain_of_equal_buffers_needs_three) {
  // Each block keeps its input until its sum: input, inner, sum.
  std::vector<Lifetime> lifetimes;
  for (int32_t block = 0; block < 10; ++block) {
    const int32_t step = 2 * block;
    lifetimes.push_back({4096, step, step + 2});
    lifetimes.push_back({4096, step + 1, step + 2});
  }
  auto layout = plan_arena(lifetimes, 64, 1 << 30);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->total_bytes(), 3u * 4096u);
}

TEST(ArenaPlanner, opens_a_further_block_where_one_is_full) {
  const std::vector<Lifetime> together = {{600, 0, 9}, {600, 0, 9}, {300, 0, 9}, {300, 0, 9}};
  auto layout = plan_arena(together, 4, 1000);
  ASSERT_TRUE(layout);
  expect_valid(together, *layout, 4, 1000);
  EXPECT_EQ(layout->block_bytes.size(), 2u);
  EXPECT_EQ(layout->total_bytes(), 1800u);
}

TEST(ArenaPlanner, refuses_a_buffer_beyond_the_limit_with_both_numbers) {
  const std::vector<Lifetime> lifetimes = {{10, 0, 1}, {1001, 1, 2}};
  auto layout = plan_arena(lifetimes, 4, 1000);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, Code::unsupported_device);
  EXPECT_NE(layout.error().message.find("1001"), std::string::npos) << layout.error().message;
  EXPECT_NE(layout.error().message.find("1000"), std::string::npos) << layout.error().message;
}

TEST(ArenaPlanner, a_hundred_thousand_buffers_are_planned) {
  std::mt19937 random(3);
  const auto lifetimes = random_lifetimes(random, 100'000, 1000);
  auto layout = plan_arena(lifetimes, 64, uint64_t{1} << 40);
  ASSERT_TRUE(layout);
  EXPECT_LE(layout->total_bytes(), 2 * largest_live_bytes(lifetimes, 64));
}

TEST(ArenaPlanner, nothing_needs_nothing) {
  auto layout = plan_arena({}, 256, 1 << 20);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->total_bytes(), 0u);
  EXPECT_EQ(largest_live_bytes({}, 256), 0u);
}

}  // namespace
}  // namespace nibble

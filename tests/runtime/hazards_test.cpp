#include "runtime/hazards.h"

#include <gtest/gtest.h>

namespace nibble {
namespace {

using Barriers = std::vector<uint8_t>;
using Steps = std::vector<std::vector<Touch>>;

Touch reads(int64_t memory, uint64_t begin, uint64_t end) { return {memory, begin, end, false}; }
Touch writes(int64_t memory, uint64_t begin, uint64_t end) { return {memory, begin, end, true}; }

TEST(Hazards, a_reader_waits_for_the_writer) {
  EXPECT_EQ(find_barriers(Steps{{writes(0, 0, 64)}, {reads(0, 32, 96), writes(0, 128, 192)}}), (Barriers{0, 1}));
}

TEST(Hazards, a_writer_waits_for_the_reader_of_reused_memory) {
  EXPECT_EQ(find_barriers(Steps{{reads(0, 0, 64), writes(0, 64, 128)}, {reads(1, 0, 4), writes(0, 0, 32)}}),
            (Barriers{0, 1}));
}

TEST(Hazards, a_writer_waits_for_the_writer_before) {
  EXPECT_EQ(find_barriers(Steps{{writes(0, 0, 64)}, {writes(0, 60, 64)}}), (Barriers{0, 1}));
}

TEST(Hazards, readers_of_the_same_memory_run_together) {
  EXPECT_EQ(find_barriers(Steps{{writes(0, 0, 64)},
                                {reads(0, 0, 64), writes(0, 64, 96)},
                                {reads(0, 0, 64), writes(0, 96, 128)},
                                {reads(0, 64, 128), writes(0, 0, 64)}}),
            (Barriers{0, 1, 0, 1}));
}

TEST(Hazards, neighbours_and_other_memory_do_not_wait) {
  EXPECT_EQ(find_barriers(Steps{{writes(0, 0, 64)}, {reads(0, 64, 128), writes(1, 0, 64)}}), (Barriers{0, 0}));
}

TEST(Hazards, a_barrier_orders_all_that_came_before) {
  EXPECT_EQ(find_barriers(Steps{{writes(0, 0, 8)}, {writes(0, 8, 16)}, {reads(0, 0, 8)}, {reads(0, 8, 16)}}),
            (Barriers{0, 0, 1, 0}));
}

TEST(Hazards, many_independent_steps_stay_linear) {
  Steps steps;
  for (uint64_t i = 0; i < 200'000; ++i) steps.push_back({writes(0, 4 * i, 4 * i + 4)});
  EXPECT_EQ(find_barriers(steps).size(), steps.size());
}

}  // namespace
}  // namespace nibble

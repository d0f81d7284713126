// A step in pieces: every workgroup once.
#include "runtime/step_pieces.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nibble::test {
namespace {

Step step_of(std::array<uint32_t, 3> groups) {
  Step step;
  step.groups = groups;
  return step;
}

// Each workgroup of a step once, in whatever pieces.
TEST(StepPieces, are_all_of_a_steps_workgroups) {
  for (const auto& groups : std::vector<std::array<uint32_t, 3>>{
           {1, 1, 1}, {7, 1, 1}, {5, 3, 1}, {4, 3, 2}, {1, 1, 9}, {3, 40, 5}, {300, 7, 1}}) {
    const Step step = step_of(groups);
    const uint32_t most = most_pieces(step);
    EXPECT_EQ(most, std::min(groups[0] * groups[1] * groups[2], 256u));
    for (uint32_t of : {1u, std::max(most / 3, 1u), most}) {
      std::vector<int> seen(size_t{groups[0]} * groups[1] * groups[2]);
      for (uint32_t first = 0; first < of; first += 2) {
        const auto boxes = boxes_of(step, {first, std::min(2u, of - first), of});
        EXPECT_LE(boxes.size(), 5u);
        EXPECT_FALSE(boxes.empty());
        for (const GroupBox& box : boxes) {
          for (uint32_t z = 0; z < box.count[2]; ++z) {
            for (uint32_t y = 0; y < box.count[1]; ++y) {
              for (uint32_t x = 0; x < box.count[0]; ++x) {
                ++seen.at(((box.base[2] + z) * groups[1] + box.base[1] + y) * groups[0] + box.base[0] + x);
              }
            }
          }
        }
      }
      EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << groups[0] << " x " << groups[1] << " x " << groups[2];
    }
  }
}

// The kernels of these take their place from how many columns there are.
TEST(StepPieces, keep_whole_rows_where_a_kernel_counts_columns) {
  const Step step = step_of({60000, 3, 1});
  ASSERT_EQ(most_pieces(step), 3u);
  EXPECT_EQ(boxes_of(step, {1, 2, 3}), (std::vector<GroupBox>{{{0, 1, 0}, {60000, 2, 1}}}));
}

}  // namespace
}  // namespace nibble::test

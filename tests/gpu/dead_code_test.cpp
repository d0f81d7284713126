#include "gpu/dead_code.h"

#include <gtest/gtest.h>

#include "branches.h"
#include "gpu/specialize.h"

namespace nibble::gpu {
namespace {

constexpr size_t kHeaderWords = 5;
constexpr uint32_t kFunction = 54, kDecorate = 71, kBranchConditional = 250, kNoContraction = 42;

size_t count(std::span<const uint32_t> spirv, uint32_t opcode) {
  size_t found = 0;
  for (size_t at = kHeaderWords; at < spirv.size(); at += spirv[at] >> 16) {
    if ((spirv[at] >> 16) == 0) break;
    found += (spirv[at] & 0xffff) == opcode;
  }
  return found;
}

size_t no_contractions(std::span<const uint32_t> spirv) {
  size_t found = 0;
  for (size_t at = kHeaderWords; at < spirv.size(); at += spirv[at] >> 16) {
    found += spirv[at] == (3u << 16 | kDecorate) && spirv[at + 2] == kNoContraction;
  }
  return found;
}

std::vector<uint32_t> specialized(uint32_t mode) {
  const SpecConstant constants[] = {{0, 32}, {1, mode}};
  return specialize(branches_spirv, constants);
}

TEST(DeadCode, keeps_only_the_sides_that_constants_choose) {
  const auto before = specialized(0);
  const auto after = remove_dead_code(before);
  EXPECT_LT(after.size(), before.size() * 3 / 4);
  EXPECT_LT(count(after, kBranchConditional), count(before, kBranchConditional));
  EXPECT_LT(count(after, kFunction), count(before, kFunction));
}

TEST(DeadCode, decorations_go_with_what_they_decorate) {
  ASSERT_GT(no_contractions(specialized(1)), 0u);
  EXPECT_EQ(no_contractions(remove_dead_code(specialized(1))), no_contractions(specialized(1)));
  EXPECT_EQ(no_contractions(remove_dead_code(specialized(2))), 0u);
}

TEST(DeadCode, doing_it_again_changes_nothing) {
  for (uint32_t mode = 0; mode < 8; ++mode) {
    const auto once = remove_dead_code(specialized(mode));
    EXPECT_EQ(remove_dead_code(once), once) << mode;
  }
}

TEST(DeadCode, what_is_no_valid_module_comes_back_unchanged_or_changed_but_never_crashes) {
  const auto whole = specialized(3);
  EXPECT_EQ(remove_dead_code({}), std::vector<uint32_t>());
  for (size_t words = 0; words < whole.size(); words += 3) {
    const std::vector<uint32_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(words));
    EXPECT_LE(remove_dead_code(cut).size(), cut.size());
  }
  for (size_t at = kHeaderWords; at < whole.size(); ++at) {
    for (const uint32_t flip : {1u, 0x80u, 0x10000u, 0xFFFFFFFFu}) {
      std::vector<uint32_t> damaged = whole;
      damaged[at] ^= flip;
      EXPECT_LE(remove_dead_code(damaged).size(), damaged.size());
    }
  }
}

}  // namespace
}  // namespace nibble::gpu

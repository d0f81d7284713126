#include "gpu/dead_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "branches.h"
#include "gpu/specialize.h"

namespace nibble::gpu {
namespace {

constexpr size_t kHeaderWords = 5;
// Opcodes of the SPIR-V specification, section 3.
constexpr uint32_t kName = 5, kMemberDecorate = 72, kConstantTrue = 41, kConstantFalse = 42, kFunction = 54,
                   kFunctionEnd = 56, kFunctionCall = 57, kDecorate = 71, kPhi = 245, kLoopMerge = 246,
                   kSelectionMerge = 247, kLabel = 248, kBranch = 249, kBranchConditional = 250, kSwitch = 251,
                   kNoContraction = 42;

using Words = std::span<const uint32_t>;

std::vector<Words> instructions(Words spirv) {
  std::vector<Words> out;
  for (size_t at = kHeaderWords; at < spirv.size() && spirv[at] >> 16 != 0; at += spirv[at] >> 16)
    out.push_back(spirv.subspan(at, std::min<size_t>(spirv[at] >> 16, spirv.size() - at)));
  return out;
}
uint32_t opcode(Words instruction) { return instruction[0] & 0xffff; }

size_t count(Words spirv, uint32_t wanted) {
  const auto all = instructions(spirv);
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](Words i) { return opcode(i) == wanted; }));
}

size_t no_contractions(Words spirv) {
  const auto all = instructions(spirv);
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [](Words i) {
    return i.size() == 3 && opcode(i) == kDecorate && i[2] == kNoContraction;
  }));
}

// Where a block goes, and what its merge instruction names.
void add_targets(Words i, std::vector<uint32_t>& edges, std::vector<uint32_t>& named) {
  switch (opcode(i)) {
    case kBranch: edges.push_back(i[1]); break;
    case kBranchConditional: edges.insert(edges.end(), {i[2], i[3]}); break;
    case kSelectionMerge: named.push_back(i[1]); break;
    case kLoopMerge: named.insert(named.end(), {i[1], i[2]}); break;
    case kSwitch:
      edges.push_back(i[2]);
      for (size_t at = 4; at < i.size(); at += 2) edges.push_back(i[at]);
      break;
    default: break;
  }
}

// What is wrong with a module as far as removing code could break it, and code in it that cannot be reached; empty:
// nothing.
std::string problem(Words spirv) {
  std::set<uint32_t> functions, called, decorated, truths, ids;
  std::map<uint32_t, std::set<uint32_t>> predecessors;  // of a function's blocks
  std::set<uint32_t> labels, named;
  std::vector<std::pair<uint32_t, std::set<uint32_t>>> phis;  // block, parents
  uint32_t block = 0;
  Words before;
  std::string out;
  const auto wrong = [&](const std::string& what, uint32_t id) { out += what + " %" + std::to_string(id) + "\n"; };
  for (const Words i : instructions(spirv)) {
    const uint32_t op = opcode(i);
    for (size_t w = 1; w < std::min<size_t>(i.size(), 3); ++w) ids.insert(i[w]);  // results, among others
    if (op == kName || op == kDecorate || op == kMemberDecorate) decorated.insert(i[1]);
    if (op == kConstantTrue || op == kConstantFalse) truths.insert(i[2]);
    if (op == kFunctionCall) called.insert(i[3]);
    if (op == kFunction) {
      functions.insert(i[2]);
      labels.clear(), named.clear(), predecessors.clear(), phis.clear();
      block = 0;
    } else if (op == kLabel) {
      if (block == 0) named.insert(i[1]);  // the entry
      block = i[1];
      labels.insert(block);
    } else if (op == kPhi) {
      std::set<uint32_t> parents;
      for (size_t at = 4; at < i.size(); at += 2) parents.insert(i[at]);
      phis.emplace_back(block, parents);
    } else if (op == kFunctionEnd) {
      for (const auto& [to, from] : predecessors) {
        if (!labels.contains(to)) wrong("a branch to no block", to);
      }
      for (const uint32_t label : named) {
        if (!labels.contains(label)) wrong("a merge names no block", label);
      }
      for (const uint32_t label : labels) {
        if (!predecessors.contains(label) && !named.contains(label)) wrong("nothing reaches block", label);
      }
      for (const auto& [at, parents] : phis) {
        if (parents != predecessors[at]) wrong("a phi of other blocks than those before", at);
      }
    }
    if (op == kBranchConditional && !before.empty() && opcode(before) == kSelectionMerge && truths.contains(i[1]))
      wrong("a selection on a constant in block", block);
    std::vector<uint32_t> edges, merges;
    add_targets(i, edges, merges);
    for (const uint32_t to : edges) predecessors[to].insert(block);
    named.insert(merges.begin(), merges.end());
    before = i;
  }
  for (const uint32_t id : called) {
    if (!functions.contains(id)) wrong("a call of no function", id);
  }
  if (functions.size() > called.size() + 1) wrong("functions that nothing calls beside", *functions.begin());
  // Names and decorations come first, so that an id that occurs nowhere else was defined by code that is gone.
  std::map<uint32_t, size_t> uses;
  for (const Words i : instructions(spirv)) {
    if (opcode(i) == kName || opcode(i) == kDecorate || opcode(i) == kMemberDecorate) continue;
    for (size_t w = 1; w < i.size(); ++w) ++uses[i[w]];
  }
  for (const uint32_t id : decorated) {
    if (!uses.contains(id)) wrong("a name or decoration of nothing", id);
  }
  return out;
}

std::vector<uint32_t> specialized(uint32_t mode) {
  const SpecConstant constants[] = {{0, 32}, {1, mode}};
  return specialize(branches_spirv, constants);
}

TEST(DeadCode, leaves_sound_modules_with_nothing_out_of_reach) {
  for (uint32_t mode = 0; mode < 8; ++mode) {
    const auto before = specialized(mode);
    const auto after = remove_dead_code(before);
    EXPECT_NE(problem(before), "") << "the shader has selections on constants";
    EXPECT_EQ(problem(after), "") << mode;
    // main and chosen(); squared_in_float() or early() and summed().
    const size_t functions = mode == 0 ? 2 : mode == 1 ? 3 : 4;
    EXPECT_EQ(count(before, kFunction), 5u);
    EXPECT_EQ(count(after, kFunction), functions) << mode;
  }
}

// The test above must see what removing too much does: each block of the result is taken out once.
TEST(DeadCode, a_block_too_few_is_noticed) {
  const auto whole = remove_dead_code(specialized(3));
  size_t blocks = 0;
  for (size_t at = kHeaderWords; at < whole.size(); at += whole[at] >> 16) {
    if ((whole[at] & 0xffff) != kLabel) continue;
    size_t end = at;
    const auto ends_block = [&](uint32_t op) { return (op >= kBranch && op <= 255) || op == kFunctionEnd; };
    while (!ends_block(whole[end] & 0xffff)) end += whole[end] >> 16;
    end += whole[end] >> 16;
    std::vector<uint32_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at));
    cut.insert(cut.end(), whole.begin() + static_cast<std::ptrdiff_t>(end), whole.end());
    const bool entry = at > kHeaderWords && [&] {  // without it the next block is where a function begins
      size_t previous = kHeaderWords;
      while (previous + (whole[previous] >> 16) < at) previous += whole[previous] >> 16;
      const uint32_t op = whole[previous] & 0xffff;
      return op == kFunction || op == 55;  // or a parameter of it
    }();
    if (!entry) {
      EXPECT_NE(problem(cut), "") << "block %" << whole[at + 1];
    }
    ++blocks;
  }
  EXPECT_GT(blocks, 10u);
}

TEST(DeadCode, keeps_only_the_sides_that_constants_choose) {
  const auto before = specialized(0);
  const auto after = remove_dead_code(before);
  EXPECT_LT(after.size(), before.size() * 3 / 4);
  EXPECT_LT(count(after, kBranchConditional), count(before, kBranchConditional));
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
    const auto out = remove_dead_code(cut);
    EXPECT_LE(out.size(), cut.size());
    // What ends within an instruction or a function is no module: it comes back as it is.
    if (count(cut, kFunction) != count(cut, kFunctionEnd)) {
      EXPECT_EQ(out, cut) << words;
    }
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

// Fine-grained sparsity: which weights of a row become zero.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/rounding/nearest_plane.h"

namespace nibble::rounding {

// Blocks are four neighbouring input channels at one kernel position: what the packed order keeps in a word
// (engine/format/FORMAT.md). A shorter block at the end of the channels loses the same share, rounded down.
enum class SparsityPattern {
  dense,
  two_of_four,  // in each block two weights stay
  half_blocks,  // whole blocks go, half of a row's
};
const char* to_string(SparsityPattern pattern);
Result<SparsityPattern> parse_sparsity(const std::string& text);  // "dense", "2:4", "4-block"

// The factor for choose_pruned: columns block by block, blocks with the largest second
// moments at the end, where the loop begins.
PlaneFactor make_block_factor(const LeastSquares& problem, int64_t inputs, int64_t kernel);

// 1 for the elements of row `index` that go. SparseGPT's rule (Frantar and Alistarh, 2023) inside GPTQ's loop over
// columns: of a block those with the least w^2 / [H^-1]_jj, H^-1 that of the columns still open, and each time the open
// columns move to make up for what went. In the nearest-plane form 1 / [H^-1]_jj is the square of the factor's
// diagonal.
std::vector<uint8_t> choose_pruned(const LeastSquares& problem, const PlaneFactor& factor, int64_t index,
                                   int64_t kernel, SparsityPattern pattern);

}  // namespace nibble::rounding

// Steps in pieces of whole workgroups, so that a slice can end within one. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/step.h"

namespace nibble {

// Some of a step's workgroups.
struct GroupBox {
  std::array<uint32_t, 3> base{}, count{1, 1, 1};
  bool operator==(const GroupBox&) const = default;
};

// Pieces `first` to `first` + `count` - 1 of `of` equal ones (but for rounding); all of the step as it stands here.
struct StepPieces {
  uint32_t first = 0, count = 1, of = 1;
};

// Into how many pieces a step can be divided: no kernel cares in which order, or when, its workgroups run.
uint32_t most_pieces(const Step& step);

// The workgroups of some pieces, in the order of their numbers. `of` is 1 to most_pieces().
std::vector<GroupBox> boxes_of(const Step& step, const StepPieces& pieces);

}  // namespace nibble

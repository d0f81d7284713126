// Which indices of an operator's inputs and outputs belong together: what structural pruning and layout passes ask.
//
// Two indices are tied when neither can be left out without the other: output channel o of a convolution is row o of
// its weights and element o of its bias, input channel c is column c. Axes that no link names cannot lose indices.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/contract.h"

namespace nibble {

struct Node;

// One axis of one of the node's tensors.
struct AxisEnd {
  bool output = false;
  int32_t slot = 0;  // index into the node's inputs, or outputs
  int32_t axis = 0;
  bool operator==(const AxisEnd&) const = default;
};
inline AxisEnd input_axis(size_t slot, size_t axis) {
  return {false, static_cast<int32_t>(slot), static_cast<int32_t>(axis)};
}
inline AxisEnd output_axis(size_t axis) { return {true, 0, static_cast<int32_t>(axis)}; }

// For i in 0..count-1: indices first_a + i*run_a + (0..run_a-1) of `a` are tied to first_b + i*run_b + (0..run_b-1) of
// `b`. count = kWholeAxis: index i with index i over the whole axis, whose size may be free.
struct AxisLink {
  static constexpr int64_t kWholeAxis = -1;
  AxisEnd a, b;
  int64_t count = kWholeAxis;
  int64_t first_a = 0, first_b = 0;
  int64_t run_a = 1, run_b = 1;
  bool summed = false;  // `a` (activations) meets `b` (weights) in a sum: zero columns read nothing
};

// An axis that must stay whole, and why (for reports).
struct FrozenAxis {
  AxisEnd end;
  const char* reason;
};

struct AxisMap {
  std::vector<AxisLink> links;
  std::vector<FrozenAxis> frozen;

  void same(AxisEnd a, AxisEnd b) { links.push_back({.a = a, .b = b}); }
  void range(AxisEnd a, int64_t first_a, AxisEnd b, int64_t first_b, int64_t count) {
    links.push_back({.a = a, .b = b, .count = count, .first_a = first_a, .first_b = first_b});
  }
  void freeze(AxisEnd end, const char* reason) { frozen.push_back({end, reason}); }
};

// Every axis of input 0 is the same axis of the output.
AxisMap elementwise_axes(Inputs inputs);
// Axes of the inputs aligned from the right with those of an output of the given shape; axes of size 1 are repeated.
void broadcast_axes(AxisMap& map, Inputs inputs, size_t slot, const Shape& output, size_t leave_out = 0);

// axes() of the node's operator; there is one overload per operator, beside its infer().
AxisMap axes_node(const Node& node, Inputs inputs);

}  // namespace nibble

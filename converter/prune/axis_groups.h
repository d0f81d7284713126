// Which channels of a network can be removed, and what goes with them.
//
// After the dependency graphs of structural pruning (Fang et al., DepGraph, CVPR 2023), but index by index: the axis
// maps of the operators (ops/axis_map.h) tie single indices, so concatenations, slices, padding shortcuts and flattened
// channels need no rules of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace nibble::prune {

// One index along one axis of one tensor.
struct Position {
  TensorId tensor = kNoTensor;
  int32_t axis = 0;
  int64_t index = 0;
  bool operator==(const Position&) const = default;
  auto operator<=>(const Position&) const = default;
};

// The smallest thing that can be removed: all positions tied to each other, in order of tensor, axis, index.
struct Channel {
  std::vector<Position> positions;
};

// Channels that touch the same axes, such as the outputs of one convolution or a residual stream.
struct Group {
  std::string name;  // of the first node that computes one of its tensors
  std::vector<Channel> channels;
};

// The channels of a group that stay.
struct KeptChannels {
  std::string group;
  int64_t channels = 0;       // before
  std::vector<int64_t> keep;  // their numbers in the group, rising
};

// An axis that constants make (rows of weights) and that must stay whole.
struct Frozen {
  std::string node;
  int64_t channels = 0;  // how many of its outputs are concerned
  std::string reason;
};

struct AxisGroups {
  std::vector<Group> groups;
  std::vector<Frozen> frozen;
};

// Shapes may have free dimensions; their axes are never pruned. Cost: the sum of all axis lengths.
AxisGroups find_axis_groups(const Graph& graph);

}  // namespace nibble::prune

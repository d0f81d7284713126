// The sums that read a channel: columns of weights that go when it goes.
#pragma once

#include <vector>

#include "converter/prune/axis_groups.h"

namespace nibble::prune {

// Column `column` of the weights of `node` (of its convolution group `group`) meets index `index` of its input x.
struct Column {
  NodeId node = -1;
  int64_t index = 0;
  int64_t group = 0, column = 0;
};

struct Readers {
  std::vector<Column> columns;
  // A product of two computed tensors, or other sums whose weights are not constant, read it too.
  bool others = false;
};

// The weights of a layer as [outputs][inputs a group][taps].
struct WeightShape {
  int64_t outputs = 0, inputs = 0, taps = 1, groups = 1;
  int64_t outputs_a_group() const { return outputs / groups; }
};

// True for Conv2d, ConvTranspose2d and Linear with float constant weights and bias.
bool is_weight_layer(const Graph& graph, const Node& node);
WeightShape weight_shape(const Graph& graph, const Node& node);
// Whether a layer's rows are too long for second moments of all pairs (statistics::kLongestRowWithPairs).
bool has_long_rows(const Graph& graph, const Node& layer);
// Convolutions with one input channel a group pass channels on and sum none.
bool is_depthwise(const Graph& graph, const Node& node);

// By node: whether outputs need it, when node `skipped` hands on its input `kept` only (-1: none does).
std::vector<bool> needed_nodes(const Graph& graph, NodeId skipped = -1, size_t kept = 0);

// `consumers` is consumers(graph).
Readers readers_of(const Graph& graph, const std::vector<std::vector<NodeId>>& consumers, const Channel& channel);

// Sets of channels to remove, kept legal: an axis keeps at least one index.
class RemovalSet {
 public:
  explicit RemovalSet(const Graph& graph) : graph_(graph) {}
  // False, and nothing changes, where an axis would lose its last index.
  bool add(const Channel& channel);
  const std::vector<const Channel*>& channels() const { return channels_; }

 private:
  const Graph& graph_;
  std::vector<const Channel*> channels_;
  std::vector<std::vector<int64_t>> left_;  // by tensor and axis; empty: untouched
};

}  // namespace nibble::prune

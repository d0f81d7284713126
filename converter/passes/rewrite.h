// What rewrites need to know of a graph, and how they change it.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "ops/op.h"

namespace nibble::passes {

class Rewriter {
 public:
  explicit Rewriter(Graph& graph);

  // The node that makes a tensor, or null for inputs and constants.
  Node* producer(TensorId id);
  // The only reader of a tensor that is not a graph output, or null.
  Node* single_reader(TensorId id);
  bool is_output(TensorId id) const { return output_[static_cast<size_t>(id)]; }

  // `first` now writes what `second` wrote, and `second` is gone: second's effect is in first.
  void absorb(Node& first, Node& second);
  // All readers of `from` read `to`. False when that would lose the name of a graph output.
  bool replace(TensorId from, TensorId to);
  void remove(Node& node) { node.op = nullptr; }

  // A node that was already removed.
  static bool gone(const Node& node) { return node.op == nullptr; }

  // Drops removed nodes and dead tensors, and infers everything again. Call once, at the end, if anything changed.
  Status finish();

 private:
  Graph& graph_;
  std::vector<NodeId> producer_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> output_;
};

// Constant floats of a tensor, or nothing.
std::optional<std::span<const float>> constant_floats(const Graph& graph, TensorId id);
// The value of a constant with one element.
std::optional<float> constant_scalar(const Graph& graph, TensorId id);

}  // namespace nibble::passes

// Where a network can be taken apart: tensors that everything behind them depends on alone.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace nibble::recover {

// Consecutive nodes between two such tensors.
struct Block {
  std::vector<NodeId> nodes;
  TensorId input = kNoTensor;
  TensorId output = kNoTensor;
  size_t weighted_layers = 0;
};

// The tensors that networks are compared by: the outputs, or what a Softmax in front of one is made of.
std::vector<TensorId> compared_outputs(const Graph& graph);

// The smallest blocks from the only input on, as far as single tensors part the network: to compared_outputs() where
// that is one. None for a graph of several inputs.
std::vector<Block> smallest_blocks(const Graph& graph);

// Neighbours joined: a block ends where `usable` says so of its output, behind at least `weighted_layers` convolutions
// and matrix products. What is left at the end goes to the last one if its output is usable, and is left out if not.
std::vector<Block> join_blocks(const std::vector<Block>& blocks, size_t weighted_layers,
                               const std::function<bool(TensorId)>& usable);

// All of it as one block; nothing for several inputs or outputs.
std::optional<Block> whole_network(const Graph& graph);

}  // namespace nibble::recover

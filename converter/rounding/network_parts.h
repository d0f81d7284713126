// A network cut where its layers with weights are, so that it can be run piece by piece.
#pragma once

#include <set>
#include <vector>

#include "graph/graph.h"

namespace nibble::rounding {

// The level of a tensor is the largest number of rounded layers on a way to it from an input; constants have level 0.
struct Levels {
  std::vector<int> tensor;  // by tensor
  int last = 0;             // the highest level at which a rounded layer reads
};
Levels find_levels(const Graph& graph, const std::set<NodeId>& layers);

// Tensors that are there once everything up to `level` has been computed and that are still read afterwards, ascending.
std::vector<TensorId> frontier(const Graph& graph, const Levels& levels, int level);

// The nodes behind level `from` up to level `to`, as a graph of its own: same tensor ids, from's frontier as inputs
// (the graph's own where from is -1), the part of to's frontier that it computes as outputs.
Graph cut(const Graph& graph, const Levels& levels, int from, int to);

// The other operand of the only reader of a layer's output, where that is a sum: what the layer's output is added to.
TensorId added_to(const Graph& graph, const Node& layer);

}  // namespace nibble::rounding

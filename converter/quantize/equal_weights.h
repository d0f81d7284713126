// Layers that multiply with the same weights. A file keeps equal tensors once, so whatever changes weights has to
// change those of all their readers alike.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "converter/quantize/quantize.h"
#include "graph/graph.h"

namespace nibble::quantization {

// `layers` (nodes with f32 constants as weights), those together that have equal weights and get them in the same
// format: groups in the order of their first layer, most of one.
std::vector<std::vector<NodeId>> group_by_weights(const Graph& graph, std::span<const NodeId> layers,
                                                  const Options& options);

// Weights that more than one layer of the graph reads, as one tensor or as equal ones.
std::set<TensorId> shared_weights(const Graph& graph);

}  // namespace nibble::quantization

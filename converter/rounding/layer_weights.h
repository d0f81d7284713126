// The layers of a graph that are rounded, as rounding sees them.
#pragma once

#include <optional>

#include "converter/rounding/round_layer.h"
#include "graph/graph.h"

namespace nibble::rounding {

// Sizes, weights and bias of a node whose weights are f32 constants; no format is chosen yet. Spans point into the
// graph.
LayerWeights unrounded_layer(const Graph& graph, const Node& node);

// Nothing for nodes without constant f32 weights, for weights that came as integers, and for formats other than int8
// and int4. Spans point into the graph.
std::optional<LayerWeights> layer_weights(const Graph& graph, const Node& node, const quantization::Options& options);

// Puts the real values of rounded weights and their bias into a float graph, at this node.
void set_weights(Graph& graph, Node& node, const quantization::RoundedLayer& layer);

}  // namespace nibble::rounding

// Brings the weights of a graph into the order that kernels read (FORMAT.md, "Packed weights").
#pragma once

#include "graph/graph.h"

namespace nibble {

// The packing for the weights of a Conv2d, ConvTranspose2d or Linear; plain for other nodes. Grouped convolutions whose
// channels per group do not divide by 4 stay plain, as does depthwise with more than one output a channel.
Packing weight_packing(const Graph& graph, const Node& node);

// Packs every weight and group multiplier that is still plain. Constants that serve several nodes in different orders
// are stored once an order.
Status pack_graph(Graph& graph);

}  // namespace nibble

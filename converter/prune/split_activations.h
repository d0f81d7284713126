// Weighted layers without fused activations, so that runs show what comes out of the sums.
#pragma once

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::prune {

// Every fused activation of Conv2d, ConvTranspose2d, Linear and Binary as a Unary node of its own. The pass
// fuse_activation joins them again.
Result<Graph> split_activations(const Graph& graph);

}  // namespace nibble::prune

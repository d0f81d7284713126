// Names that need not be stored because they follow from the nodes' names.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace nibble {

// What a node writes is called like the node ("conv1", "conv1:1"), a constant after the first node that reads it and
// what it is there ("conv1.weights"). Empty for what neither rule names.
std::vector<std::string> derived_names(const Graph& graph);

}  // namespace nibble

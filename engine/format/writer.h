// Graphs to .nbl files.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace nibble {

// Writes the graph with its constants and metadata. The same graph gives the same bytes. The file appears under its
// name only when it is complete; an error (an invalid graph, a full disk, ...) leaves what was there before.
Status write_model(const Graph& graph, const std::string& path);

// The same bytes in memory.
Result<std::vector<std::byte>> model_bytes(const Graph& graph);

}  // namespace nibble

// A graph as the bytes of the GRPH section.
#pragma once

#include <cstdint>
#include <vector>

#include "format/data_layout.h"
#include "graph/graph.h"

namespace nibble {

// Puts the graph's constants and scales into `data`, places them, and describes them and everything else.
// `graph` must outlive the use of `data`. Refuses what a reader would refuse: ranks above 8, names above 2 KiB, ...
Result<std::vector<uint8_t>> encode_graph(const Graph& graph, DataLayout& data);

Result<std::vector<uint8_t>> encode_metadata(const std::map<std::string, std::string>& metadata);

}  // namespace nibble

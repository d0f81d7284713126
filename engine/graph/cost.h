// How much arithmetic a node is and how large a graph's constants are, for reports.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace nibble {

// Multiply-adds of the node's convolution or matrix product, padding included; 0 for all other operators. Free
// dimensions count as 1 (bind_dims() first for other sizes). Saturates at the largest number.
uint64_t multiply_adds(const Graph& graph, const Node& node);
// Of all its nodes.
uint64_t multiply_adds(const Graph& graph);

// True where the node's sums are formed from integers: int8 in, int8 out.
bool is_integer_node(const Graph& graph, const Node& node);

// Bytes of all constants, as they lie in memory.
uint64_t constant_bytes(const Graph& graph);

}  // namespace nibble

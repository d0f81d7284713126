// Nodes that a table of 256 entries can compute, as functions of real numbers.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace nibble::quantization {

// `node` is a Unary of one input, or a Binary with a constant side (is_table_like).

// The tensor it is a function of.
TensorId table_input(const Graph& graph, const Node& node);
// 1, or one row per index of axis 1.
size_t table_rows(const Graph& graph, const Node& node);
// v = f(v), f that of index `row` of axis 1 (a node with one row has the same for all).
void apply_table_function(const Graph& graph, const Node& node, size_t row, std::vector<double>& v);

}  // namespace nibble::quantization

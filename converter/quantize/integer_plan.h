// Which nodes compute in integers, and with what scales: decided before anything is rewritten.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/quantize/formats.h"

namespace nibble::quantization {

struct IntegerPlan {
  std::vector<bool> integer;                          // by node
  std::vector<bool> inner;                            // by node: a table that the table behind it takes in
  std::vector<std::string> reason;                    // by node: why it is not, for nodes with weights
  std::vector<std::optional<ActivationQuant>> quant;  // by tensor: scales it gets when it is stored as integers
};

IntegerPlan plan_integers(const Graph& graph, const Ranges& ranges, const Options& options);

// Moves or picks elements without changing them: keeps the quantization of its first input.
bool keeps_values(const Graph& graph, const Node& node);
// Binary with one constant that has one value, or one per index of axis 1: a table when its other side is int8.
bool is_table_like(const Graph& graph, const Node& node);

}  // namespace nibble::quantization

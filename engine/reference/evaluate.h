// Runs nodes and whole graphs on the oracle.
//
// Float nodes are computed in T without rounding in between; integer nodes in integers, exactly as ops/INTEGER.md says.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "reference/value.h"

namespace nibble::reference {

// Outputs of one node of a graph with bound shapes. `inputs` has one entry a slot; where it is null, a constant is
// taken from the graph (and an absent optional input stays absent).
template <class T>
Result<std::vector<BasicValue<T>>> evaluate_node(const Graph& graph, const Node& node,
                                                 std::span<const BasicValue<T>* const> inputs);

// The same into an output that was made from the graph's description of it; all inputs given, types and shapes trusted.
template <class T>
Status evaluate_into(const Node& node, std::span<const BasicValue<T>* const> inputs, BasicValue<T>& out);

// Multiply-adds or element moves of a node, roughly; free dimensions count as 1.
double estimated_work(const Graph& graph, const Node& node);

// One node from constants alone, for constant folding; an error where an input is not constant.
Result<std::vector<Value>> evaluate_constant(const Graph& graph, const Node& node);

using ValueMap = std::map<TensorId, Value>;

struct RunOptions {
  bool keep_all = false;  // else tensors are freed after their last reader, apart from graph outputs
  std::function<void(TensorId, const Value&)> observer;  // called for each computed tensor
};

// Runs a graph with bound shapes. Every graph input must be given, with its type and shape; returns the graph's outputs
// (with keep_all everything fed or computed).
Result<ValueMap> run(const Graph& bound, ValueMap inputs, const RunOptions& options);

}  // namespace nibble::reference

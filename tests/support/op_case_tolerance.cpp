#include <algorithm>
#include <cmath>

#include "reference/evaluate.h"
#include "tests/support/op_case.h"

namespace nibble::test {

namespace {

using reference::Value;

double largest(const Value& value) {
  double out = 0.0;
  for (double element : value.real) {
    if (std::isfinite(element)) out = std::max(out, std::abs(element));
  }
  return out;
}

// Products that are added up for one output element.
double reduction_length(const Graph& graph, const Node& node) {
  const auto size = [&](TensorId id) { return static_cast<double>(elements(graph.desc(id).shape).value()); };
  const double inputs = size(node.inputs[0]);
  const double outputs = size(node.outputs[0]);
  if (op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node)) {
    return size(node.inputs[1]) / static_cast<double>(graph.desc(node.inputs[1]).shape[0].value());
  }
  if (const auto* product = op_if<MatMul>(node)) {
    const Shape& a = graph.desc(node.inputs[0]).shape;
    return static_cast<double>(a[a.size() - (product->transpose_a ? 2 : 1)].value());
  }
  if (const auto* pool = op_if<Pool2d>(node)) return static_cast<double>(pool->kernel_h) * pool->kernel_w;
  if (op_if<Reduce>(node)) return inputs / outputs;
  if (op_if<InstanceNorm>(node) || op_if<LayerNorm>(node) || op_if<Softmax>(node)) return std::sqrt(inputs);
  return 1.0;
}

// Weighted sums cancel: what counts is the sum of magnitudes, which the same node gives on magnitudes.
double magnitude_of_sums(const Graph& graph, const std::vector<Value>& inputs) {
  const Node& node = graph.nodes[0];
  std::vector<Value> absolute;
  absolute.reserve(node.inputs.size());
  std::vector<const Value*> pointers;
  size_t fed = 0;
  for (TensorId id : node.inputs) {
    if (id == kNoTensor) {
      pointers.push_back(nullptr);
      continue;
    }
    auto constant = graph.tensor(id).is_constant() ? reference::constant_value<double>(graph.tensor(id))
                                                   : Result<Value>(inputs[fed++]);
    if (!constant) return 0.0;
    absolute.push_back(*std::move(constant));
    for (double& element : absolute.back().real) element = std::abs(element);
    const bool weights = absolute.back().desc.type == DType::i8 || absolute.back().desc.type == DType::i4;
    for (int64_t& element : absolute.back().stored) element = weights ? std::abs(element) : element;
    pointers.push_back(&absolute.back());
  }
  auto out = reference::evaluate_node<double>(graph, node, pointers);
  return out ? largest((*out)[0]) : 0.0;
}

// Nodes that only choose among the elements of their inputs.
bool moves_elements(const Node& node) {
  if (op_if<Concat>(node) || op_if<Slice>(node) || op_if<Reshape>(node) || op_if<Transpose>(node) ||
      op_if<Gather>(node) || op_if<Expand>(node)) {
    return true;
  }
  if (const auto* pool = op_if<Pool2d>(node)) return pool->kind == PoolKind::max;
  if (const auto* reduce = op_if<Reduce>(node))
    return reduce->kind == ReduceKind::max || reduce->kind == ReduceKind::min;
  if (const auto* resize = op_if<Resize>(node)) return resize->mode == ResizeMode::nearest;
  const auto* pad = op_if<Pad>(node);
  return pad && (pad->mode != PadMode::constant || pad->value == 0.0f);
}

}  // namespace

double float_tolerance(const Graph& graph, const std::vector<Value>& inputs, const Value& expected) {
  const Node& node = graph.nodes[0];
  if (moves_elements(node)) return 0.0;
  double magnitude = largest(expected);
  for (const Value& input : inputs) magnitude = std::max(magnitude, largest(input));
  if (op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node) || op_if<MatMul>(node)) {
    magnitude = std::max(magnitude, magnitude_of_sums(graph, inputs));
  }
  bool half = expected.desc.type == DType::f16;
  for (const Value& input : inputs) half |= input.desc.type == DType::f16;
  const double epsilon = half ? 0x1p-11 : 0x1p-24;  // half a unit in the last place
  // Vulkan promises exp and division within a few units; 8 roundings cover the formulas around a sum.
  return epsilon * magnitude * (8.0 + 2.0 * std::sqrt(reduction_length(graph, node)));
}

}  // namespace nibble::test

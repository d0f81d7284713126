#include "graph/cost.h"

#include <limits>

#include "ops/op.h"

namespace nibble {
namespace {

uint64_t times(uint64_t a, uint64_t b) {
  uint64_t out;
  return __builtin_mul_overflow(a, b, &out) ? std::numeric_limits<uint64_t>::max() : out;
}

uint64_t size_of(const Dim& dim) {
  const int64_t size = dim.evaluate({});
  return size < 0 ? 0 : static_cast<uint64_t>(size);
}

uint64_t elements_of(const TensorDesc& desc) {
  uint64_t out = 1;
  for (const Dim& dim : desc.shape) out = times(out, size_of(dim));
  return out;
}

// Weights [O, I, ...]: each element of `side` meets all weights but those along the axis it lies on.
uint64_t per_element(const TensorDesc& side, const TensorDesc& weights, size_t own_axis) {
  uint64_t out = elements_of(side);
  for (size_t i = 0; i < weights.shape.size(); ++i) {
    if (i != own_axis) out = times(out, size_of(weights.shape[i]));
  }
  return out;
}

}  // namespace

uint64_t multiply_adds(const Graph& graph, const Node& node) {
  const bool two_inputs = node.inputs.size() > 1 && node.inputs[0] != kNoTensor && node.inputs[1] != kNoTensor;
  if (!two_inputs || node.outputs.empty()) return 0;
  const TensorDesc& x = graph.desc(node.inputs[0]);
  const TensorDesc& w = graph.desc(node.inputs[1]);
  const TensorDesc& y = graph.desc(node.outputs[0]);
  if (op_if<Conv2d>(node) || op_if<Linear>(node)) return per_element(y, w, 0);
  if (const auto* op = op_if<ConvTranspose2d>(node)) {
    // Every input element is added to the outputs of its group.
    const uint64_t all =
        times(elements_of(x), times(size_of(w.shape[0]), times(size_of(w.shape[2]), size_of(w.shape[3]))));
    return all / static_cast<uint64_t>(op->groups < 1 ? 1 : op->groups);
  }
  if (const auto* op = op_if<MatMul>(node)) {
    return times(elements_of(y), size_of(x.shape[x.shape.size() - (op->transpose_a ? 2 : 1)]));
  }
  return 0;
}

uint64_t multiply_adds(const Graph& graph) {
  uint64_t sum = 0;
  for (const Node& node : graph.nodes) {
    if (__builtin_add_overflow(sum, multiply_adds(graph, node), &sum)) return std::numeric_limits<uint64_t>::max();
  }
  return sum;
}

bool is_integer_node(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoTensor || node.outputs.empty()) return false;
  return graph.desc(node.inputs[0]).type == DType::i8 && graph.desc(node.outputs[0]).type == DType::i8;
}

uint64_t constant_bytes(const Graph& graph) {
  uint64_t sum = 0;
  for (const Tensor& t : graph.tensors) sum += t.is_constant() ? t.constant->bytes.size() : 0;
  return sum;
}

}  // namespace nibble

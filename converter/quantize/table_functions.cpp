#include "converter/quantize/table_functions.h"

#include "ops/op.h"
#include "reference/elementwise.h"

namespace nibble::quantization {
namespace {

// Of a Binary: the side that is constant.
size_t constant_side(const Graph& graph, const Node& node) {
  return graph.tensor(node.inputs[0]).is_constant() ? 0 : 1;
}

}  // namespace

TensorId table_input(const Graph& graph, const Node& node) {
  return op_if<Binary>(node) ? node.inputs[1 - constant_side(graph, node)] : node.inputs[0];
}

size_t table_rows(const Graph& graph, const Node& node) {
  if (!op_if<Binary>(node)) return 1;
  return graph.tensor(node.inputs[constant_side(graph, node)]).constant->as<float>().size();
}

void apply_table_function(const Graph& graph, const Node& node, size_t row, std::vector<double>& v) {
  if (const auto* op = op_if<Unary>(node)) {
    reference::apply_unary<double>(op->kind, static_cast<double>(op->a), static_cast<double>(op->b), v.data(), v.data(),
                                   v.size());
    return;
  }
  const auto& op = *op_if<Binary>(node);
  const size_t side = constant_side(graph, node);
  const auto constants = graph.tensor(node.inputs[side]).constant->as<float>();
  const double constant = static_cast<double>(constants[constants.size() > 1 ? row : 0]);
  const std::vector<double> in = v;
  if (side == 0) {
    reference::apply_binary<double>(op.kind, &constant, 0, in.data(), 1, v.data(), v.size());
  } else {
    reference::apply_binary<double>(op.kind, in.data(), 1, &constant, 0, v.data(), v.size());
  }
  reference::apply_activation<double>(op.activation, v.data(), v.size());
}

}  // namespace nibble::quantization

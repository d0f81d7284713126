#include "converter/prune/split_activations.h"

#include "ops/op.h"

namespace nibble::prune {
namespace {

Activation take_activation(Op& op) {
  Activation out;
  const auto take = [&](auto& concrete) { std::swap(out, concrete.activation); };
  if (auto* conv = std::get_if<Conv2d>(&op.value)) take(*conv);
  if (auto* conv = std::get_if<ConvTranspose2d>(&op.value)) take(*conv);
  if (auto* linear = std::get_if<Linear>(&op.value)) take(*linear);
  if (auto* binary = std::get_if<Binary>(&op.value)) take(*binary);
  return out;
}

}  // namespace

Result<Graph> split_activations(const Graph& graph) {
  Graph out = graph;
  out.nodes.clear();
  for (Node node : graph.nodes) {
    Op op = *node.op;
    const Activation activation = take_activation(op);
    if (activation == Activation{}) {
      out.nodes.push_back(std::move(node));
      continue;
    }
    node.op = std::make_shared<const Op>(std::move(op));
    TensorDesc desc = graph.desc(node.outputs[0]);
    desc.name += ":sum";
    const TensorId y = node.outputs[0], sum = out.add_tensor(std::move(desc));
    node.outputs[0] = sum;
    Unary unary;
    unary.kind = activation.kind;
    unary.a = activation.a;
    unary.b = activation.b;
    Node after{node.name + ":activation", std::make_shared<const Op>(Op(unary)), {sum}, {y}};
    out.nodes.push_back(std::move(node));
    out.nodes.push_back(std::move(after));
  }
  if (Status status = reinfer(out); !status) return std::move(status).error();
  return out;
}

}  // namespace nibble::prune

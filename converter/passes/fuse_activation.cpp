// An elementwise function of a node's only result becomes part of the node.
#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {
namespace {

// The op with the activation set, or nothing when it has no place for one.
std::optional<Op> with_activation(const Op& op, const Activation& activation) {
  Op copy = op;
  const auto put = [&](auto& concrete) -> bool {
    if constexpr (requires { concrete.activation; }) {
      if (concrete.activation != Activation{}) return false;
      concrete.activation = activation;
      return true;
    } else {
      return false;
    }
  };
  if (!std::visit(put, copy.value)) return std::nullopt;
  return copy;
}

}  // namespace

bool fuse_activation(Graph& graph, const Options& options) {
  Rewriter rewriter(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    if (Rewriter::gone(node) || graph.desc(node.outputs[0]).type != DType::f32) continue;
    Node* reader = rewriter.single_reader(node.outputs[0]);
    const auto* unary = reader ? op_if<Unary>(*reader) : nullptr;
    if (!unary || reader->inputs.size() != 1) continue;
    const bool clamps = unary->kind == UnaryKind::relu || unary->kind == UnaryKind::clip;
    if (options.integer_activations && !clamps) continue;
    auto fused = with_activation(*node.op, {unary->kind, unary->a, unary->b});
    if (!fused) continue;
    node.op = std::make_shared<const Op>(std::move(*fused));
    rewriter.absorb(node, *reader);
    changed = true;
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes

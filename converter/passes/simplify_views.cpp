// Removes what changes nothing, and joins reshapes of reshapes and transposes of transposes.
#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {
namespace {

bool is_identity(const Graph& graph, const Node& node) {
  const TensorDesc& x = graph.desc(node.inputs[0]);
  const TensorDesc& y = graph.desc(node.outputs[0]);
  if (op_if<Reshape>(node) || op_if<Expand>(node)) return x.shape == y.shape;
  if (const auto* op = op_if<Transpose>(node)) {
    for (size_t i = 0; i < op->perm.size(); ++i) {
      if (op->perm[i] != static_cast<int64_t>(i)) return false;
    }
    return true;
  }
  if (const auto* op = op_if<Unary>(node)) {
    return node.inputs.size() == 1 &&
           (op->kind == UnaryKind::identity || (op->kind == UnaryKind::affine && op->a == 1.0f && op->b == 0.0f));
  }
  if (const auto* op = op_if<Slice>(node)) {
    for (int64_t step : op->steps) {
      if (step != 1) return false;
    }
    return x.shape == y.shape;
  }
  if (op_if<Pad>(node)) return x.shape == y.shape;
  if (op_if<Convert>(node)) return x.type == y.type && x.quant == y.quant;
  return false;
}

bool join(Node& first, Node& second) {
  if (const auto* b = op_if<Reshape>(second); b && op_if<Reshape>(first)) return true;
  const auto* a = op_if<Transpose>(first);
  const auto* b = op_if<Transpose>(second);
  if (!a || !b) return false;
  Transpose both;
  for (int64_t p : b->perm) both.perm.push_back(a->perm[static_cast<size_t>(p)]);
  set_op(second, both);
  return true;
}

}  // namespace

bool simplify_views(Graph& graph, const Options&) {
  Rewriter rewriter(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    if (Rewriter::gone(node) || node.inputs.empty() || node.inputs[0] == kNoTensor) continue;
    if (is_identity(graph, node)) {
      if (rewriter.replace(node.outputs[0], node.inputs[0])) {
        rewriter.remove(node);
        changed = true;
        continue;
      }
      // A graph output: let the producer write it, when nobody else reads what it wrote.
      Node* producer = rewriter.producer(node.inputs[0]);
      if (producer && producer->outputs.size() == 1 && rewriter.single_reader(node.inputs[0]) == &node) {
        rewriter.absorb(*producer, node);
        changed = true;
        continue;
      }
    }
    Node* producer = rewriter.producer(node.inputs[0]);
    if (producer && rewriter.single_reader(node.inputs[0]) == &node && join(*producer, node)) {
      node.inputs[0] = producer->inputs[0];
      rewriter.remove(*producer);
      return rewriter.finish().has_value();  // readers have moved: look again from the start
    }
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes

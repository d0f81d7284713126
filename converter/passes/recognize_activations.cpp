// Finds activation functions that exporters write out: SiLU, hard sigmoid, hard swish, GELU.
#include <cmath>

#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {
namespace {

bool near(float a, float b) { return std::abs(a - b) <= 1e-5f * std::max(1.0f, std::abs(b)); }

const Unary* unary_of(const Node* node) {
  const auto* op = node ? op_if<Unary>(*node) : nullptr;
  return op && node->inputs.size() == 1 ? op : nullptr;
}

// clip(x + 3, 0, 6) / 6 in its parts: affine(1, b), clip(0, h), affine(1/h, 0).
bool hard_sigmoid(Rewriter& rewriter, Node& node) {
  const Unary* last = unary_of(&node);
  if (!last || last->kind != UnaryKind::affine || last->b != 0.0f) return false;
  Node* clip_node = rewriter.producer(node.inputs[0]);
  const Unary* clip = unary_of(clip_node);
  if (!clip || clip->kind != UnaryKind::clip || clip->a != 0.0f || !near(clip->b * last->a, 1.0f)) return false;
  Node* first_node = rewriter.producer(clip_node->inputs[0]);
  const Unary* first = unary_of(first_node);
  if (!first || first->kind != UnaryKind::affine) return false;
  const Unary joined{UnaryKind::hard_sigmoid, first->a * last->a, first->b * last->a};
  node.inputs[0] = first_node->inputs[0];
  set_op(node, joined);
  return true;
}

// clip(x + 3, 0, 6): six times a hard sigmoid.
bool six_hard_sigmoid(Rewriter& rewriter, const Node* node, TensorId x) {
  const Unary* clip = unary_of(node);
  if (!clip || clip->kind != UnaryKind::clip || clip->a != 0.0f || !near(clip->b, 6.0f)) return false;
  const Node* first_node = rewriter.producer(node->inputs[0]);
  const Unary* first = unary_of(first_node);
  return first && first->kind == UnaryKind::affine && near(first->a, 1.0f) && near(first->b, 3.0f) &&
         first_node->inputs[0] == x;
}

// x * g(x) with g one of the gates we know.
bool gated(Rewriter& rewriter, Node& node) {
  const auto* mul = op_if<Binary>(node);
  if (!mul || mul->kind != BinaryKind::mul || mul->activation != Activation{}) return false;
  for (const size_t side : {0u, 1u}) {
    const TensorId x = node.inputs[side];
    Node* gate_node = rewriter.producer(node.inputs[1 - side]);
    const Unary* gate = unary_of(gate_node);
    if (!gate) continue;
    if (gate->kind == UnaryKind::sigmoid && gate_node->inputs[0] == x) {
      set_op(node, Unary{UnaryKind::silu});
    } else if (gate->kind == UnaryKind::hard_sigmoid && gate_node->inputs[0] == x && near(gate->a, 1.0f / 6.0f) &&
               near(gate->b, 0.5f)) {
      set_op(node, Unary{UnaryKind::hard_swish});
    } else if (six_hard_sigmoid(rewriter, gate_node, x)) {
      // x * clip(x + 3, 0, 6), divided by 6 in the node after it.
      Node* reader = rewriter.single_reader(node.outputs[0]);
      const Unary* sixth = unary_of(reader);
      if (!sixth || sixth->kind != UnaryKind::affine || !near(sixth->a, 1.0f / 6.0f) || sixth->b != 0.0f) continue;
      set_op(node, Unary{UnaryKind::hard_swish});
      rewriter.absorb(node, *reader);
    } else {
      continue;
    }
    node.inputs = {x};
    return true;
  }
  return false;
}

// 0.5 * x * (1 + erf(x / sqrt 2)), in the orders that exporters use.
bool gelu(Rewriter& rewriter, Node& node) {
  const auto* mul = op_if<Binary>(node);
  if (!mul || mul->kind != BinaryKind::mul || mul->activation != Activation{}) return false;
  for (const size_t side : {0u, 1u}) {
    TensorId x = node.inputs[side];
    float factor = 1.0f;
    if (const Node* half = rewriter.producer(x); const Unary* op = unary_of(half)) {
      if (op->kind == UnaryKind::affine && op->b == 0.0f) {
        factor = op->a;
        x = half->inputs[0];
      }
    }
    Node* plus_node = rewriter.producer(node.inputs[1 - side]);
    const Unary* plus = unary_of(plus_node);
    if (!plus || plus->kind != UnaryKind::affine || !near(plus->a, plus->b)) continue;
    Node* erf_node = rewriter.producer(plus_node->inputs[0]);
    const Unary* erf = unary_of(erf_node);
    if (!erf || erf->kind != UnaryKind::erf) continue;
    Node* scale_node = rewriter.producer(erf_node->inputs[0]);
    const Unary* scale = unary_of(scale_node);
    if (!scale || scale->kind != UnaryKind::affine || scale->b != 0.0f || !near(scale->a, 0.70710678f) ||
        scale_node->inputs[0] != x)
      continue;
    if (near(factor * plus->a, 0.5f)) {
      set_op(node, Unary{UnaryKind::gelu});
    } else if (near(factor * plus->a, 1.0f)) {
      Node* reader = rewriter.single_reader(node.outputs[0]);
      const Unary* half = unary_of(reader);
      if (!half || half->kind != UnaryKind::affine || !near(half->a, 0.5f) || half->b != 0.0f) continue;
      set_op(node, Unary{UnaryKind::gelu});
      rewriter.absorb(node, *reader);
    } else {
      continue;
    }
    node.inputs = {x};
    return true;
  }
  return false;
}

}  // namespace

bool recognize_activations(Graph& graph, const Options&) {
  Rewriter rewriter(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    if (Rewriter::gone(node)) continue;
    changed |= hard_sigmoid(rewriter, node) || gated(rewriter, node) || gelu(rewriter, node);
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes

// Arithmetic with one constant number becomes Unary, and neighbouring ones are joined: cheaper in float, one table in
// integers.
#include <cmath>
#include <limits>

#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The Unary that Binary(x, c) is, or Binary(c, x) when `swapped`.
std::optional<Unary> as_unary(const Binary& op, float c, bool swapped) {
  switch (op.kind) {
    case BinaryKind::add: return Unary{UnaryKind::affine, 1.0f, c};
    case BinaryKind::sub: return swapped ? Unary{UnaryKind::affine, -1.0f, c} : Unary{UnaryKind::affine, 1.0f, -c};
    case BinaryKind::mul: return Unary{UnaryKind::affine, c, 0.0f};
    case BinaryKind::div:
      if (swapped) return c == 1.0f ? std::optional(Unary{UnaryKind::reciprocal}) : std::nullopt;
      return c != 0.0f ? std::optional(Unary{UnaryKind::affine, 1.0f / c, 0.0f}) : std::nullopt;
    case BinaryKind::max: return Unary{UnaryKind::clip, c, kInfinity};
    case BinaryKind::min: return Unary{UnaryKind::clip, -kInfinity, c};
    case BinaryKind::pow:
      if (swapped) return std::nullopt;
      if (c == 1.0f) return Unary{UnaryKind::identity};
      if (c == 0.5f) return Unary{UnaryKind::sqrt};
      return std::nullopt;
    case BinaryKind::prelu: return swapped ? std::nullopt : std::optional(Unary{UnaryKind::leaky_relu, c, 0.0f});
  }
  return std::nullopt;
}

// b(a(x)) as one, for affine functions and clips.
std::optional<Unary> compose(const Unary& a, const Unary& b) {
  if (a.kind == UnaryKind::affine && b.kind == UnaryKind::affine)
    return Unary{UnaryKind::affine, a.a * b.a, a.b * b.a + b.b};
  if (a.kind == UnaryKind::clip && b.kind == UnaryKind::clip) {
    return Unary{UnaryKind::clip, std::min(std::max(a.a, b.a), b.b), std::min(std::max(a.b, b.a), b.b)};
  }
  if (a.kind == UnaryKind::relu && b.kind == UnaryKind::clip) {
    return Unary{UnaryKind::clip, std::min(std::max(0.0f, b.a), b.b), b.b};
  }
  return std::nullopt;
}

}  // namespace

bool scalars_to_affine(Graph& graph, const Options&) {
  bool changed = false;
  for (Node& node : graph.nodes) {
    const auto* op = op_if<Binary>(node);
    if (!op || op->activation != Activation{} || graph.desc(node.outputs[0]).type != DType::f32) continue;
    for (const bool swapped : {false, true}) {
      const TensorId x = node.inputs[swapped ? 1 : 0];
      const auto c = constant_scalar(graph, node.inputs[swapped ? 0 : 1]);
      // The constant must not add axes.
      if (!c || !(graph.desc(x).shape == graph.desc(node.outputs[0]).shape)) continue;
      if (op->kind == BinaryKind::pow && !swapped && *c == 2.0f) {
        set_op(node, Binary{.kind = BinaryKind::mul});
        node.inputs = {x, x};
        changed = true;
        break;
      }
      if (const auto unary = as_unary(*op, *c, swapped)) {
        set_op(node, *unary);
        node.inputs = {x};
        changed = true;
        break;
      }
    }
  }
  Rewriter rewriter(graph);
  for (Node& node : graph.nodes) {
    const auto* op = Rewriter::gone(node) ? nullptr : op_if<Unary>(node);
    if (!op || node.inputs.size() != 1) continue;
    Node* reader = rewriter.single_reader(node.outputs[0]);
    const auto* next = reader ? op_if<Unary>(*reader) : nullptr;
    if (!next || reader->inputs.size() != 1) continue;
    if (const auto both = compose(*op, *next)) {
      set_op(node, *both);
      rewriter.absorb(node, *reader);
      changed = true;
    }
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes

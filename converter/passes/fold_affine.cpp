// A convolution or Linear followed by constants per output channel (BatchNorm, bias, scale): into weights and bias.
#include <algorithm>

#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {
namespace {

struct PerChannel {
  std::vector<float> factor;  // y = factor * x + offset
  std::vector<float> offset;
};

// Values of a constant that has `channels` elements along the channel axis of `shape` and one elsewhere (or one in
// all).
std::optional<std::vector<float>> per_channel(const Graph& graph, TensorId id, size_t rank, size_t axis,
                                              size_t channels) {
  const auto floats = constant_floats(graph, id);
  if (!floats) return std::nullopt;
  if (floats->size() == 1) return std::vector<float>(channels, (*floats)[0]);
  const Shape& shape = graph.desc(id).shape;
  if (floats->size() != channels || shape.size() > rank) return std::nullopt;
  const size_t at = axis - (rank - shape.size());  // wraps far beyond shape.size() when the axis is not there
  if (at >= shape.size() || !(shape[at] == Dim(static_cast<int64_t>(channels)))) return std::nullopt;
  return std::vector<float>(floats->begin(), floats->end());
}

std::optional<PerChannel> affine_of(const Graph& graph, const Node& node, TensorId x, size_t axis, size_t channels) {
  PerChannel out{std::vector<float>(channels, 1.0f), std::vector<float>(channels, 0.0f)};
  if (const auto* op = op_if<Unary>(node); op && op->kind == UnaryKind::affine && node.inputs.size() == 1) {
    std::fill(out.factor.begin(), out.factor.end(), op->a);
    std::fill(out.offset.begin(), out.offset.end(), op->b);
    return out;
  }
  const auto* op = op_if<Binary>(node);
  if (!op) return std::nullopt;
  const bool swapped = node.inputs[1] == x;
  if (node.inputs[0] == node.inputs[1]) return std::nullopt;
  if (!(graph.desc(node.outputs[0]).shape == graph.desc(x).shape)) return std::nullopt;
  const auto c = per_channel(graph, node.inputs[swapped ? 0 : 1], graph.desc(x).shape.size(), axis, channels);
  if (!c) return std::nullopt;
  switch (op->kind) {
    case BinaryKind::add: out.offset = *c; return out;
    case BinaryKind::mul: out.factor = *c; return out;
    case BinaryKind::sub:
      out.offset = *c;
      if (swapped)
        std::fill(out.factor.begin(), out.factor.end(), -1.0f);
      else
        std::transform(c->begin(), c->end(), out.offset.begin(), [](float v) { return -v; });
      return out;
    case BinaryKind::div:
      if (swapped || std::find(c->begin(), c->end(), 0.0f) != c->end()) return std::nullopt;
      std::transform(c->begin(), c->end(), out.factor.begin(), [](float v) { return 1.0f / v; });
      return out;
    default: return std::nullopt;
  }
}

Activation* activation_of(Op& op) {
  if (auto* conv = std::get_if<Conv2d>(&op.value)) return &conv->activation;
  if (auto* conv = std::get_if<ConvTranspose2d>(&op.value)) return &conv->activation;
  if (auto* linear = std::get_if<Linear>(&op.value)) return &linear->activation;
  return nullptr;
}

bool fold(Graph& graph, Rewriter& rewriter, Node& node) {
  const bool linear = op_if<Linear>(node) != nullptr;
  if (!linear && !op_if<Conv2d>(node) && !op_if<ConvTranspose2d>(node)) return false;
  Op copy = *node.op;
  if (*activation_of(copy) != Activation{}) return false;
  Node* reader = rewriter.single_reader(node.outputs[0]);
  const auto weights = constant_floats(graph, node.inputs[conv_input::weights]);
  const bool has_bias = node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor;
  const auto bias = has_bias ? constant_floats(graph, node.inputs[conv_input::bias]) : std::nullopt;
  if (!reader || !weights || (has_bias && !bias)) return false;
  const Shape& out_shape = graph.desc(node.outputs[0]).shape;
  const auto channels = static_cast<size_t>(graph.desc(node.inputs[conv_input::weights]).shape[0].value());
  const auto affine = affine_of(graph, *reader, node.outputs[0], linear ? out_shape.size() - 1 : 1, channels);
  if (!affine) return false;
  Activation fused;
  if (const auto* binary = op_if<Binary>(*reader)) fused = binary->activation;

  std::vector<float> w(weights->begin(), weights->end());
  std::vector<float> b(channels, 0.0f);
  const size_t per_row = w.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < per_row; ++i) w[c * per_row + i] *= affine->factor[c];
    b[c] = (bias ? (*bias)[c] : 0.0f) * affine->factor[c] + affine->offset[c];
  }
  TensorDesc desc = graph.desc(node.inputs[conv_input::weights]);
  const bool scaled = std::any_of(affine->factor.begin(), affine->factor.end(), [](float f) { return f != 1.0f; });
  if (scaled) desc.quant = {};  // scales that came with the network no longer fit
  node.inputs.resize(conv_input::bias + 1, kNoTensor);
  if (scaled) node.inputs[conv_input::weights] = graph.add_constant(desc, ConstantData::of(w));
  node.inputs[conv_input::bias] =
      graph.add_constant({"", DType::f32, {static_cast<int64_t>(channels)}, {}, Packing::plain}, ConstantData::of(b));
  *activation_of(copy) = fused;
  node.op = std::make_shared<const Op>(std::move(copy));
  rewriter.absorb(node, *reader);
  return true;
}

}  // namespace

bool fold_affine(Graph& graph, const Options&) {
  Rewriter rewriter(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    if (!Rewriter::gone(node)) changed |= fold(graph, rewriter, node);
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes

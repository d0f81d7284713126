#include "converter/equalize/channel_classes.h"

#include <algorithm>
#include <numeric>

#include "converter/quantize/equal_weights.h"
#include "ops/op.h"

namespace nibble::equalize {
namespace {

bool is_constant_f32(const Graph& graph, const Node& node, size_t slot) {
  if (slot >= node.inputs.size() || node.inputs[slot] == kNoTensor) return false;
  const Tensor& tensor = graph.tensor(node.inputs[slot]);
  return tensor.is_constant() && tensor.desc.type == DType::f32;
}

bool absent_or_f32(const Graph& graph, const Node& node, size_t slot) {
  return slot >= node.inputs.size() || node.inputs[slot] == kNoTensor || is_constant_f32(graph, node, slot);
}

bool is_homogeneous(UnaryKind kind) {
  return kind == UnaryKind::identity || kind == UnaryKind::relu || kind == UnaryKind::leaky_relu ||
         kind == UnaryKind::abs || kind == UnaryKind::neg;
}

bool only_relu(const Activation& activation) {
  return activation.kind == UnaryKind::identity || activation.kind == UnaryKind::relu;
}

bool has_weights(const Node& node) {
  return op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node);
}

// Linear's features are channels only where they lie on axis 1.
bool features_are_channels(const Graph& graph, const Node& node) {
  return !op_if<Linear>(node) || graph.desc(node.inputs[0]).shape.size() == 2;
}

// Scales that came with the network (QDQ) fit no other weights.
bool has_free_weights(const Graph& graph, const Node& node) {
  return has_weights(node) && is_constant_f32(graph, node, conv_input::weights) &&
         graph.desc(node.inputs[conv_input::weights]).quant.kind == Quant::Kind::none &&
         absent_or_f32(graph, node, conv_input::bias) && features_are_channels(graph, node);
}

// The search for factors keeps a number for each pair of channels that a layer connects.
bool too_large(const Graph& graph, const Node& node) {
  constexpr int64_t kMostPairs = int64_t{1} << 24;
  if (!has_weights(node)) return false;
  const Shape& shape = graph.desc(node.inputs[conv_input::weights]).shape;
  return shape[0].value() * shape[1].value() > kMostPairs;
}

const Activation* activation_of(const Node& node) {
  if (const auto* conv = op_if<Conv2d>(node)) return &conv->activation;
  if (const auto* conv = op_if<ConvTranspose2d>(node)) return &conv->activation;
  if (const auto* linear = op_if<Linear>(node)) return &linear->activation;
  if (const auto* norm = op_if<InstanceNorm>(node)) return &norm->activation;
  return nullptr;
}

// Class numbers joined by union by the smaller root.
class Classes {
 public:
  Classes(const Graph& graph, const ClassOptions& options)
      : graph_(graph), options_(options), shared_(quantization::shared_weights(graph)) {
    out_.of_tensor.resize(graph.tensors.size());
  }

  ChannelClasses find() {
    for (TensorId id : graph_.inputs) give_fresh(id, true);
    for (const Node& node : graph_.nodes) visit(node);
    for (TensorId id : graph_.outputs) freeze(id);
    return finish();
  }

 private:
  using Ids = std::vector<int32_t>;

  Ids& of(TensorId id) { return out_.of_tensor[static_cast<size_t>(id)]; }

  int32_t root(int32_t i) {
    while (parent_[static_cast<size_t>(i)] != i) {
      parent_[static_cast<size_t>(i)] = parent_[static_cast<size_t>(parent_[static_cast<size_t>(i)])];
      i = parent_[static_cast<size_t>(i)];
    }
    return i;
  }

  void unite(int32_t a, int32_t b) {
    a = root(a);
    b = root(b);
    if (a == b) return;
    if (b < a) std::swap(a, b);
    parent_[static_cast<size_t>(b)] = a;
    frozen_[static_cast<size_t>(a)] = frozen_[static_cast<size_t>(a)] || frozen_[static_cast<size_t>(b)];
  }

  void freeze(TensorId id) {
    if (id == kNoTensor) return;
    for (int32_t i : of(id)) frozen_[static_cast<size_t>(root(i))] = true;
  }

  void give_fresh(TensorId id, bool frozen) {
    const Shape& shape = graph_.desc(id).shape;
    if (graph_.desc(id).type != DType::f32 || shape.size() < 2 || !shape[1].is_const()) return;
    for (int64_t c = 0; c < shape[1].value(); ++c) {
      of(id).push_back(static_cast<int32_t>(parent_.size()));
      parent_.push_back(static_cast<int32_t>(parent_.size()));
      frozen_.push_back(frozen);
    }
  }

  // Nothing is known of this node: what it reads and writes keeps its scale.
  void refuse(const Node& node) {
    for (TensorId id : node.inputs) freeze(id);
    for (TensorId id : node.outputs) give_fresh(id, true);
  }

  // y has the channels of x.
  void pass_on(const Node& node, Ids ids) {
    const Shape& shape = graph_.desc(node.outputs[0]).shape;
    if (ids.empty() || shape.size() < 2 || !(shape[1] == Dim(static_cast<int64_t>(ids.size())))) return refuse(node);
    of(node.outputs[0]) = std::move(ids);
  }

  void visit(const Node& node) {
    const TensorId x = node.inputs.empty() ? kNoTensor : node.inputs[0];
    if (has_weights(node) || op_if<InstanceNorm>(node)) {
      // Weights that other layers have too would be kept more than once where their factors differ.
      const bool shared = has_weights(node) && shared_.contains(node.inputs[conv_input::weights]);
      if (shared || too_large(graph_, node) || !takes_input_factors(graph_, node)) freeze(x);
      return give_fresh(node.outputs[0], shared || !takes_output_factors(graph_, node));
    }
    if (const auto* op = op_if<Unary>(node)) {
      if (node.inputs.size() == 1 && is_homogeneous(op->kind)) return pass_on(node, of(x));
      freeze(x);
      return give_fresh(node.outputs[0], !(options_.behind_functions && is_function(graph_, node)));
    }
    if (const auto* op = op_if<Binary>(node)) return visit_binary(node, *op);
    if (const auto* op = op_if<Concat>(node)) return visit_concat(node, *op);
    if (const auto* op = op_if<Pad>(node)) {
      const bool spatial = op->begins.size() > 1 && op->begins[1] == 0 && op->ends[1] == 0;
      const bool keeps = op->mode != PadMode::constant || op->value == 0.0f;
      return spatial && keeps ? pass_on(node, of(x)) : refuse(node);
    }
    if (op_if<Pool2d>(node) || op_if<Resize>(node)) return pass_on(node, of(x));
    if (const auto* op = op_if<Reduce>(node)) {
      const bool kind = op->kind == ReduceKind::mean || op->kind == ReduceKind::sum || op->kind == ReduceKind::max ||
                        op->kind == ReduceKind::min;
      const bool spatial = std::all_of(op->axes.begin(), op->axes.end(), [](int64_t a) { return a >= 2; });
      return kind && spatial ? pass_on(node, of(x)) : refuse(node);
    }
    if (op_if<Reshape>(node)) return visit_reshape(node);
    refuse(node);
  }

  void visit_binary(const Node& node, const Binary& op) {
    const TensorId a = node.inputs[0], b = node.inputs[1];
    const bool sum = op.kind == BinaryKind::add || op.kind == BinaryKind::sub;
    const bool alike = graph_.desc(a).shape == graph_.desc(b).shape && of(a).size() == of(b).size();
    if (!sum || !alike || of(a).empty() || !only_relu(op.activation)) return refuse(node);
    for (size_t c = 0; c < of(a).size(); ++c) unite(of(a)[c], of(b)[c]);
    pass_on(node, of(a));
  }

  void visit_concat(const Node& node, const Concat& op) {
    if (op.axis != 1) return refuse(node);
    Ids joined;
    for (TensorId id : node.inputs) {
      if (of(id).empty()) return refuse(node);
      joined.insert(joined.end(), of(id).begin(), of(id).end());
    }
    pass_on(node, std::move(joined));
  }

  // [N, C, ...] to [N, C * ...]: each channel becomes as many features.
  void visit_reshape(const Node& node) {
    const TensorId x = node.inputs[0];
    const Shape& from = graph_.desc(x).shape;
    const Shape& to = graph_.desc(node.outputs[0]).shape;
    if (of(x).empty() || to.size() != 2 || !(from[0] == to[0]) || !to[1].is_const()) return refuse(node);
    const int64_t repeat = to[1].value() / static_cast<int64_t>(of(x).size());
    Ids ids;
    for (int32_t id : of(x)) ids.insert(ids.end(), static_cast<size_t>(repeat), id);
    pass_on(node, std::move(ids));
  }

  // Classes get numbers without gaps, in the order of their first channel.
  ChannelClasses finish() {
    std::vector<int32_t> number(parent_.size(), -1);
    for (size_t i = 0; i < parent_.size(); ++i) {
      const auto r = static_cast<size_t>(root(static_cast<int32_t>(i)));
      if (number[r] < 0) {
        number[r] = static_cast<int32_t>(out_.frozen.size());
        out_.frozen.push_back(frozen_[r]);
      }
      number[i] = number[r];
    }
    for (Ids& ids : out_.of_tensor) {
      for (int32_t& id : ids) id = number[static_cast<size_t>(id)];
    }
    return std::move(out_);
  }

  const Graph& graph_;
  const ClassOptions& options_;
  const std::set<TensorId> shared_;
  std::vector<int32_t> parent_;
  std::vector<bool> frozen_;
  ChannelClasses out_;
};

}  // namespace

bool takes_output_factors(const Graph& graph, const Node& node) {
  const Activation* activation = activation_of(node);
  if (!activation || !only_relu(*activation)) return false;
  if (const auto* norm = op_if<InstanceNorm>(node)) {
    return norm->groups == 0 && absent_or_f32(graph, node, 1) && absent_or_f32(graph, node, 2);
  }
  return has_free_weights(graph, node);
}

bool takes_input_factors(const Graph& graph, const Node& node) {
  if (const auto* norm = op_if<InstanceNorm>(node)) return norm->groups == 0;
  return has_free_weights(graph, node);
}

bool is_function(const Graph& graph, const Node& node) {
  const auto* op = op_if<Unary>(node);
  const Shape& shape = graph.desc(node.outputs[0]).shape;
  return op && node.inputs.size() == 1 && !is_homogeneous(op->kind) && shape.size() >= 2 && shape[1].is_const();
}

ChannelClasses find_channel_classes(const Graph& graph, const ClassOptions& options) {
  return Classes(graph, options).find();
}

}  // namespace nibble::equalize

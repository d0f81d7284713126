#include "converter/prune/readers.h"

#include <algorithm>

#include "converter/passes/rewrite.h"
#include "converter/statistics/layer_moments.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

int64_t groups_of(const Node& node) {
  if (const auto* conv = op_if<Conv2d>(node)) return conv->groups;
  if (const auto* conv = op_if<ConvTranspose2d>(node)) return conv->groups;
  return 1;
}

}  // namespace

bool has_long_rows(const Graph& graph, const Node& layer) {
  const WeightShape shape = weight_shape(graph, layer);
  return shape.inputs * shape.taps > statistics::kLongestRowWithPairs;
}

bool is_weight_layer(const Graph& graph, const Node& node) {
  if (!op_if<Conv2d>(node) && !op_if<ConvTranspose2d>(node) && !op_if<Linear>(node)) return false;
  if (!passes::constant_floats(graph, node.inputs[conv_input::weights])) return false;
  for (size_t slot = conv_input::bias; slot < node.inputs.size(); ++slot) {
    if (node.inputs[slot] == kNoTensor) continue;
    if (slot != conv_input::bias || !passes::constant_floats(graph, node.inputs[slot])) return false;
  }
  return graph.desc(node.inputs[conv_input::x]).type == DType::f32;
}

WeightShape weight_shape(const Graph& graph, const Node& node) {
  const Shape& w = graph.desc(node.inputs[conv_input::weights]).shape;
  WeightShape out{w[0].value(), w[1].value(), 1, groups_of(node)};
  for (size_t i = 2; i < w.size(); ++i) out.taps *= w[i].value();
  return out;
}

bool is_depthwise(const Graph& graph, const Node& node) {
  const int64_t groups = groups_of(node);
  return groups > 1 && graph.desc(node.inputs[conv_input::weights]).shape[1] == Dim(1);
}

std::vector<bool> needed_nodes(const Graph& graph, NodeId skipped, size_t kept) {
  std::vector<bool> node(graph.nodes.size(), false), tensor(graph.tensors.size(), false);
  for (TensorId id : graph.outputs) tensor[static_cast<size_t>(id)] = true;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& here = graph.nodes[n];
    node[n] = std::any_of(here.outputs.begin(), here.outputs.end(),
                          [&](TensorId id) { return id != kNoTensor && tensor[static_cast<size_t>(id)]; });
    if (!node[n]) continue;
    for (size_t slot = 0; slot < here.inputs.size(); ++slot) {
      const TensorId id = here.inputs[slot];
      if (id == kNoTensor || (static_cast<NodeId>(n) == skipped && slot != kept)) continue;
      tensor[static_cast<size_t>(id)] = true;
    }
  }
  return node;
}

Readers readers_of(const Graph& graph, const std::vector<std::vector<NodeId>>& consumers, const Channel& channel) {
  Readers out;
  for (const Position& p : channel.positions) {
    for (NodeId n : consumers[static_cast<size_t>(p.tensor)]) {
      const Node& node = graph.nodes[static_cast<size_t>(n)];
      if (op_if<MatMul>(node)) {
        out.others = true;
        continue;
      }
      if (!op_if<Conv2d>(node) && !op_if<ConvTranspose2d>(node) && !op_if<Linear>(node)) continue;
      if (node.inputs[conv_input::x] != p.tensor) continue;
      const auto axis = static_cast<int32_t>(op_if<Linear>(node) ? graph.desc(p.tensor).shape.size() - 1 : 1);
      if (p.axis != axis || is_depthwise(graph, node)) continue;
      if (!is_weight_layer(graph, node)) {
        out.others = true;
        continue;
      }
      const int64_t inputs = graph.desc(node.inputs[conv_input::weights]).shape[1].value();
      out.columns.push_back({n, p.index, p.index / inputs, p.index % inputs});
    }
  }
  return out;
}

bool RemovalSet::add(const Channel& channel) {
  left_.resize(graph_.tensors.size());
  std::vector<int64_t*> touched;
  for (const Position& p : channel.positions) {
    const Shape& shape = graph_.desc(p.tensor).shape;
    auto& left = left_[static_cast<size_t>(p.tensor)];
    if (left.empty()) {
      for (const Dim& d : shape) left.push_back(d.is_const() ? d.value() : 1);
    }
    touched.push_back(&left[static_cast<size_t>(p.axis)]);
  }
  bool fits = true;
  for (int64_t* count : touched) fits = --*count >= 1 && fits;
  if (fits) {
    channels_.push_back(&channel);
    return true;
  }
  for (int64_t* count : touched) ++*count;
  return false;
}

}  // namespace nibble::prune

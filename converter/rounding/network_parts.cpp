#include "converter/rounding/network_parts.h"

#include <algorithm>

#include "ops/op.h"

namespace nibble::rounding {
namespace {

bool is_computed(const Graph& graph, TensorId id) { return id != kNoTensor && !graph.tensor(id).is_constant(); }

}  // namespace

Levels find_levels(const Graph& graph, const std::set<NodeId>& layers) {
  Levels out;
  out.tensor.assign(graph.tensors.size(), 0);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    int level = 0;
    for (TensorId id : node.inputs) {
      if (is_computed(graph, id)) level = std::max(level, out.tensor[static_cast<size_t>(id)]);
    }
    if (layers.contains(static_cast<NodeId>(n))) {
      out.last = std::max(out.last, level);
      ++level;
    }
    for (TensorId id : node.outputs) out.tensor[static_cast<size_t>(id)] = level;
  }
  return out;
}

std::vector<TensorId> frontier(const Graph& graph, const Levels& levels, int level) {
  std::set<TensorId> out;
  for (const Node& node : graph.nodes) {
    if (levels.tensor[static_cast<size_t>(node.outputs[0])] <= level) continue;
    for (TensorId id : node.inputs) {
      if (is_computed(graph, id) && levels.tensor[static_cast<size_t>(id)] <= level) out.insert(id);
    }
  }
  return {out.begin(), out.end()};
}

Graph cut(const Graph& graph, const Levels& levels, int from, int to) {
  Graph out;
  out.tensors = graph.tensors;
  out.inputs = from < 0 ? graph.inputs : frontier(graph, levels, from);
  const std::set<TensorId> given(out.inputs.begin(), out.inputs.end());
  for (TensorId id : frontier(graph, levels, to)) {
    if (!given.contains(id)) out.outputs.push_back(id);
  }
  // Only what the outputs need: other branches may end before.
  std::set<TensorId> needed(out.outputs.begin(), out.outputs.end());
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const int level = levels.tensor[static_cast<size_t>(node.outputs[0])];
    if (level > to || (from >= 0 && level <= from) || !needed.contains(node.outputs[0])) continue;
    out.nodes.push_back(node);
    for (TensorId id : node.inputs) {
      if (is_computed(graph, id)) needed.insert(id);
    }
  }
  std::reverse(out.nodes.begin(), out.nodes.end());
  return out;
}

TensorId added_to(const Graph& graph, const Node& layer) {
  const TensorId y = layer.outputs[0];
  bool plain = false;
  if (const auto* conv = op_if<Conv2d>(layer)) plain = conv->activation.kind == UnaryKind::identity;
  if (const auto* transposed = op_if<ConvTranspose2d>(layer))
    plain = transposed->activation.kind == UnaryKind::identity;
  if (const auto* linear = op_if<Linear>(layer)) plain = linear->activation.kind == UnaryKind::identity;
  if (!plain || std::find(graph.outputs.begin(), graph.outputs.end(), y) != graph.outputs.end()) return kNoTensor;
  const Node* reader = nullptr;
  for (const Node& node : graph.nodes) {
    if (std::find(node.inputs.begin(), node.inputs.end(), y) == node.inputs.end()) continue;
    if (reader) return kNoTensor;
    reader = &node;
  }
  const auto* sum = reader ? op_if<Binary>(*reader) : nullptr;
  if (!sum || sum->kind != BinaryKind::add) return kNoTensor;
  const TensorId other = reader->inputs[reader->inputs[0] == y ? 1 : 0];
  if (other == y || !is_computed(graph, other) || !(graph.desc(other).shape == graph.desc(y).shape)) return kNoTensor;
  return other;
}

}  // namespace nibble::rounding

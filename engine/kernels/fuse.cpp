#include "kernels/fuse.h"

#include <algorithm>

#include "core/requantize.h"
#include "ops/op.h"

namespace nibble {
namespace {

template <class T>
const T* as(const Graph& graph, NodeId node) {
  return node < 0 ? nullptr : std::get_if<T>(&graph.nodes[static_cast<size_t>(node)].op->value);
}

const Node& node_of(const Graph& graph, NodeId node) { return graph.nodes[static_cast<size_t>(node)]; }

bool is_weighted(const Graph& graph, NodeId node) {
  return as<Conv2d>(graph, node) || as<ConvTranspose2d>(graph, node) || as<Linear>(graph, node);
}

bool is_signed_byte(const TensorDesc& desc) { return desc.type == DType::i8; }

class Finder {
 public:
  explicit Finder(const Graph& graph)
      : graph_(graph), readers_(consumers(graph)), producers_(producers(graph)), outputs_(graph.tensors.size(), 0) {
    for (const TensorId id : graph.outputs) outputs_[static_cast<size_t>(id)] = 1;
  }

  Fusion find() {
    Fusion fusion;
    fusion.finishes_behind.resize(graph_.nodes.size());
    fusion.absorbed.assign(graph_.nodes.size(), 0);
    // Additions first, from the front: each takes the later of two convolutions.
    for (size_t i = 0; i < graph_.nodes.size(); ++i) try_add(fusion, static_cast<NodeId>(i));
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (!is_weighted(graph_, id) || fusion.absorbed[i]) continue;
      Finish finish = follow_maps(id);
      if (!finish.maps.empty()) take(fusion, finish, id);
    }
    find_shuffles(graph_, fusion);
    find_focuses(graph_, fusion);
    fusion.parts.resize(graph_.tensors.size());
    for (size_t i = 0; i < graph_.nodes.size(); ++i) find_parts(fusion, static_cast<NodeId>(i));
    return fusion;
  }

 private:
  // The memory of the whole is taken from its first part on: not for long.
  static constexpr NodeId kMostNodesApart = 32;

  void find_parts(Fusion& fusion, NodeId id) const {
    const Concat* op = as<Concat>(graph_, id);
    if (!op || fusion.absorbed[static_cast<size_t>(id)] || fusion.focus_of[static_cast<size_t>(id)] >= 0) return;
    int64_t begin = 0;
    const std::vector<TensorId>& inputs = node_of(graph_, id).inputs;
    for (const TensorId tensor : inputs) {
      const NodeId producer = producers_[static_cast<size_t>(tensor)];
      ConcatPart& part = fusion.parts[static_cast<size_t>(tensor)];
      const bool once = std::count(inputs.begin(), inputs.end(), tensor) == 1;
      if (once && part.concat < 0 && producer >= 0 && id - producer <= kMostNodesApart &&
          !as<Concat>(graph_, producer)) {
        part = {id, begin, only_reader(tensor) == id};
      }
      begin += graph_.desc(tensor).shape[static_cast<size_t>(op->axis)].value();
    }
  }

  // The only reader of a tensor that nothing else wants; -1 where there is none.
  NodeId only_reader(TensorId tensor) const {
    const auto& readers = readers_[static_cast<size_t>(tensor)];
    return readers.size() == 1 && !outputs_[static_cast<size_t>(tensor)] ? readers[0] : NodeId{-1};
  }

  // A function of one byte to another, the same for all channels, that is known beforehand.
  bool is_map(NodeId node) const {
    if (node < 0) return false;
    const Node& n = node_of(graph_, node);
    if (!is_signed_byte(graph_.desc(n.inputs[0])) || !is_signed_byte(graph_.desc(n.outputs[0]))) return false;
    if (as<Convert>(graph_, node)) return true;
    return as<Unary>(graph_, node) && n.inputs.size() > 1 && n.inputs[1] != kNoTensor &&
           graph_.tensor(n.inputs[1]).is_constant() && graph_.desc(n.inputs[1]).shape.size() == 1;
  }

  Finish follow_maps(NodeId weighted) const {
    Finish finish;
    finish.weighted = weighted;
    finish.output = node_of(graph_, weighted).outputs[0];
    for (NodeId next = only_reader(finish.output); is_map(next); next = only_reader(finish.output)) {
      finish.maps.push_back(next);
      finish.output = node_of(graph_, next).outputs[0];
    }
    return finish;
  }

  // The weighted node, with its maps, that computes a tensor for this reader alone.
  Finish finish_that_writes(TensorId tensor) const {
    NodeId node = producers_[static_cast<size_t>(tensor)];
    while (is_map(node)) node = producers_[static_cast<size_t>(node_of(graph_, node).inputs[0])];
    if (node < 0 || !is_weighted(graph_, node)) return {};
    Finish finish = follow_maps(node);
    return finish.output == tensor && only_reader(tensor) >= 0 ? finish : Finish{};
  }

  bool is_fusable_add(const Binary& op, const Node& node) const {
    const TensorDesc &x = graph_.desc(node.inputs[0]), &y = graph_.desc(node.inputs[1]);
    const TensorDesc& z = graph_.desc(node.outputs[0]);
    if (node.inputs[0] == node.inputs[1] || x.shape != y.shape || x.shape != z.shape) return false;
    if (x.type != y.type || x.type != z.type) return false;
    if (graph_.tensor(node.inputs[0]).is_constant() || graph_.tensor(node.inputs[1]).is_constant()) return false;
    if (x.type == DType::i8) return op.kind == BinaryKind::add || op.kind == BinaryKind::sub;
    const UnaryKind act = op.activation.kind;
    return (x.type == DType::f32 || x.type == DType::f16) && op.kind == BinaryKind::add &&
           (act == UnaryKind::identity || act == UnaryKind::relu || act == UnaryKind::clip);
  }

  // Putting off a convolution keeps its input alive: not past others, whose memory that would be.
  bool may_wait(NodeId weighted, NodeId until) const {
    for (NodeId i = weighted + 1; i <= until; ++i) {
      if (is_weighted(graph_, i)) return false;
    }
    return true;
  }

  void try_add(Fusion& fusion, NodeId id) const {
    const Binary* op = as<Binary>(graph_, id);
    const Node& node = node_of(graph_, id);
    if (!op || !is_fusable_add(*op, node)) return;
    Finish best;
    NodeId behind = -1;
    for (size_t side = 0; side < 2; ++side) {
      Finish finish = finish_that_writes(node.inputs[side]);
      if (finish.weighted <= best.weighted || fusion.absorbed[static_cast<size_t>(finish.weighted)]) continue;
      finish.residual = node.inputs[1 - side];
      const NodeId other = producers_[static_cast<size_t>(finish.residual)];
      if (!may_wait(finish.weighted, other)) continue;
      best = finish;
      behind = std::max(finish.weighted, other);
    }
    if (best.weighted < 0) return;
    best.add = id;
    best.output = node.outputs[0];
    take(fusion, best, behind);
  }

  static void take(Fusion& fusion, const Finish& finish, NodeId behind) {
    std::vector<NodeId> nodes{finish.weighted};
    nodes.insert(nodes.end(), finish.maps.begin(), finish.maps.end());
    if (finish.add >= 0) nodes.push_back(finish.add);
    for (const NodeId node : nodes) fusion.absorbed[static_cast<size_t>(node)] = 1;
    fusion.finishes_behind[static_cast<size_t>(behind)].push_back(fusion.finishes.size());
    fusion.finishes.push_back(finish);
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<NodeId> producers_;
  std::vector<uint8_t> outputs_;
};

int8_t converted(const Convert& op, const TensorDesc& from, const TensorDesc& to, int8_t value) {
  const int64_t moved =
      int64_t{to.quant.zero_point} + requantize(value - from.quant.zero_point, op.multiplier, op.shift);
  return static_cast<int8_t>(std::clamp<int64_t>(moved, op.clamp.min, op.clamp.max));
}

}  // namespace

Fusion fuse(const Graph& bound) { return Finder(bound).find(); }

std::array<int8_t, 256> joined_table(const Graph& graph, const Finish& finish) {
  std::array<int8_t, 256> joined;
  for (int value = -128; value < 128; ++value) joined[static_cast<size_t>(value + 128)] = static_cast<int8_t>(value);
  for (const NodeId id : finish.maps) {
    const Node& node = node_of(graph, id);
    if (const Convert* op = as<Convert>(graph, id)) {
      const TensorDesc &from = graph.desc(node.inputs[0]), &to = graph.desc(node.outputs[0]);
      for (int8_t& value : joined) value = converted(*op, from, to, value);
    } else {
      const std::span<const int8_t> table = graph.tensor(node.inputs[1]).constant->as<int8_t>();
      for (int8_t& value : joined) value = table[static_cast<size_t>(value + 128)];
    }
  }
  return joined;
}

}  // namespace nibble

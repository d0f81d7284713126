#include "converter/passes/rewrite.h"

#include <algorithm>

namespace nibble::passes {

Rewriter::Rewriter(Graph& graph)
    : graph_(graph), producer_(producers(graph)), readers_(graph.tensors.size()), output_(graph.tensors.size(), false) {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (TensorId id : graph.nodes[n].inputs) {
      if (id != kNoTensor) readers_[static_cast<size_t>(id)].push_back(static_cast<NodeId>(n));
    }
  }
  for (TensorId id : graph.outputs) output_[static_cast<size_t>(id)] = true;
}

Node* Rewriter::producer(TensorId id) {
  if (id < 0 || static_cast<size_t>(id) >= producer_.size()) return nullptr;
  const NodeId n = producer_[static_cast<size_t>(id)];
  if (n < 0 || gone(graph_.nodes[static_cast<size_t>(n)])) return nullptr;
  return &graph_.nodes[static_cast<size_t>(n)];
}

Node* Rewriter::single_reader(TensorId id) {
  if (static_cast<size_t>(id) >= readers_.size()) return nullptr;
  const auto& readers = readers_[static_cast<size_t>(id)];
  if (readers.size() != 1 || is_output(id)) return nullptr;
  Node& node = graph_.nodes[static_cast<size_t>(readers[0])];
  return gone(node) ? nullptr : &node;
}

void Rewriter::absorb(Node& first, Node& second) {
  first.outputs[0] = second.outputs[0];
  producer_[static_cast<size_t>(first.outputs[0])] = static_cast<NodeId>(&first - graph_.nodes.data());
  remove(second);
}

bool Rewriter::replace(TensorId from, TensorId to) {
  if (is_output(from)) return false;
  for (NodeId n : readers_[static_cast<size_t>(from)]) {
    Node& node = graph_.nodes[static_cast<size_t>(n)];
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    readers_[static_cast<size_t>(to)].push_back(n);
  }
  readers_[static_cast<size_t>(from)].clear();
  return true;
}

Status Rewriter::finish() {
  std::erase_if(graph_.nodes, gone);
  if (Status status = sort_nodes(graph_); !status) return status;
  remove_dead(graph_);
  return reinfer(graph_);
}

std::optional<std::span<const float>> constant_floats(const Graph& graph, TensorId id) {
  if (id == kNoTensor) return std::nullopt;
  const Tensor& tensor = graph.tensor(id);
  if (!tensor.is_constant() || tensor.desc.type != DType::f32) return std::nullopt;
  return tensor.constant->as<float>();
}

std::optional<float> constant_scalar(const Graph& graph, TensorId id) {
  const auto floats = constant_floats(graph, id);
  if (!floats || floats->size() != 1) return std::nullopt;
  return (*floats)[0];
}

}  // namespace nibble::passes

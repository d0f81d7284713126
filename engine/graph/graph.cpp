#include "graph/graph.h"

#include <algorithm>
#include <set>

#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble {

ConstantData ConstantData::own(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  ConstantData out;
  out.bytes = *owner;
  out.owner = std::move(owner);
  return out;
}

TensorId Graph::add_tensor(TensorDesc desc) {
  tensors.push_back({std::move(desc), std::nullopt});
  return static_cast<TensorId>(tensors.size() - 1);
}

TensorId Graph::add_constant(TensorDesc desc, ConstantData data) {
  tensors.push_back({std::move(desc), std::move(data)});
  return static_cast<TensorId>(tensors.size() - 1);
}

namespace {

Result<Outputs> infer_in_graph(const Graph& graph, const Node& node, std::span<const TensorDesc> declared) {
  std::vector<const TensorDesc*> descs;
  for (TensorId id : node.inputs) descs.push_back(id == kNoTensor ? nullptr : &graph.desc(id));
  auto out = infer_node(node, {descs, declared});
  if (!out) return std::move(out).error().with_context(format("%s '%s'", op_name(node), node.name.c_str()));
  for (const TensorDesc& desc : *out) {
    for (const Dim& d : desc.shape) {
      if (d.is_const() && (d.value() < 1 || d.value() > kMaxDim)) {
        return Error{Code::invalid_argument,
                     format("%s '%s': output shape %s has a size outside 1..%lld", op_name(node), node.name.c_str(),
                            to_string(desc.shape).c_str(), static_cast<long long>(kMaxDim))};
      }
    }
  }
  return out;
}

// Attribute visitor that replaces free dimensions.
struct BindShapes {
  const DimBindings& bindings;
  void operator()(const char*, Shape& shape) const {
    for (Dim& d : shape) d = d.bind(bindings);
  }
  template <class T>
  void operator()(const char*, T&) const {}
};

std::vector<TensorDesc> output_descs(const Graph& graph, const Node& node) {
  std::vector<TensorDesc> out;
  for (TensorId id : node.outputs) out.push_back(graph.desc(id));
  return out;
}

}  // namespace

Result<NodeId> Graph::add_node(std::string name, Op op, std::vector<TensorId> input_ids,
                               std::vector<TensorDesc> declared) {
  Node node{std::move(name), std::make_shared<const Op>(std::move(op)), std::move(input_ids), {}};
  NBL_TRY(Outputs outputs, infer_in_graph(*this, node, declared));
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i].name = i == 0 ? node.name : node.name + ":" + std::to_string(i);
    node.outputs.push_back(add_tensor(std::move(outputs[i])));
  }
  nodes.push_back(std::move(node));
  return static_cast<NodeId>(nodes.size() - 1);
}

std::vector<std::vector<NodeId>> consumers(const Graph& graph) {
  std::vector<std::vector<NodeId>> out(graph.tensors.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (TensorId id : graph.nodes[n].inputs) {
      if (id == kNoTensor) continue;
      auto& readers = out[static_cast<size_t>(id)];
      if (readers.empty() || readers.back() != static_cast<NodeId>(n)) readers.push_back(static_cast<NodeId>(n));
    }
  }
  return out;
}

std::vector<NodeId> producers(const Graph& graph) {
  std::vector<NodeId> out(graph.tensors.size(), -1);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (TensorId id : graph.nodes[n].outputs) out[static_cast<size_t>(id)] = static_cast<NodeId>(n);
  }
  return out;
}

Status reinfer(Graph& graph) {
  for (Node& node : graph.nodes) {
    NBL_TRY(Outputs outputs, infer_in_graph(graph, node, output_descs(graph, node)));
    if (outputs.size() != node.outputs.size()) {
      return Error{Code::internal, format("%s '%s': %zu outputs inferred, %zu in the graph", op_name(node),
                                          node.name.c_str(), outputs.size(), node.outputs.size())};
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      TensorDesc& desc = graph.desc(node.outputs[i]);
      outputs[i].name = std::move(desc.name);
      desc = std::move(outputs[i]);
    }
  }
  return {};
}

Result<Graph> bind_dims(const Graph& graph, const DimBindings& bindings) {
  Graph bound = graph;
  for (const auto& [name, value] : bindings) {
    const auto known = free_dims(graph);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
      return Error{Code::invalid_argument, format("there is no dimension '%s' to bind; the model has: %s", name.c_str(),
                                                  known.empty() ? "none" : list.c_str())};
    }
    if (value < 1 || value > kMaxDim) {
      return Error{Code::invalid_argument, format("dimension %s = %lld: expected 1..%lld", name.c_str(),
                                                  static_cast<long long>(value), static_cast<long long>(kMaxDim))};
    }
  }
  for (TensorId id : bound.inputs) {
    for (Dim& d : bound.desc(id).shape) {
      d = d.bind(bindings);
      if (d.value() < 1 || d.value() > kMaxDim) {
        return Error{Code::invalid_argument, format("input '%s': a size of %lld", bound.desc(id).name.c_str(),
                                                    static_cast<long long>(d.value()))};
      }
    }
    if (const int64_t count = elements(bound.desc(id).shape).value(); count > kMaxDim) {
      return Error{Code::invalid_argument,
                   format("input '%s': %lld elements, expected at most %lld", bound.desc(id).name.c_str(),
                          static_cast<long long>(count), static_cast<long long>(kMaxDim))};
    }
  }
  for (Node& node : bound.nodes) {
    Op op = *node.op;
    BindShapes bind{bindings};
    std::visit(
        [&](auto& concrete) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(concrete)>, std::monostate>) concrete.visit(bind);
        },
        op.value);
    node.op = std::make_shared<const Op>(std::move(op));
  }
  NBL_CHECK(reinfer(bound));
  for (const Node& node : bound.nodes) {
    for (TensorId id : node.outputs) {
      const TensorDesc& desc = bound.desc(id);
      const int64_t count = elements(desc.shape).value();
      if (!is_const(desc.shape) || count < 1 || count > (int64_t{1} << 40)) {
        return Error{Code::invalid_argument, format("%s '%s': shape %s cannot be run", op_name(node), node.name.c_str(),
                                                    to_string(desc.shape).c_str())};
      }
    }
  }
  return bound;
}

std::vector<std::string> free_dims(const Graph& graph) {
  std::set<std::string> names;
  for (TensorId id : graph.inputs) {
    for (const Dim& d : graph.desc(id).shape) {
      for (const std::string& name : d.symbols()) names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

void remove_dead(Graph& graph) {
  std::vector<bool> needed(graph.tensors.size(), false);
  for (TensorId id : graph.outputs) needed[static_cast<size_t>(id)] = true;
  for (TensorId id : graph.inputs) needed[static_cast<size_t>(id)] = true;
  std::vector<Node> kept;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    Node& node = graph.nodes[n];
    if (std::none_of(node.outputs.begin(), node.outputs.end(),
                     [&](TensorId id) { return needed[static_cast<size_t>(id)]; }))
      continue;
    for (TensorId id : node.inputs) {
      if (id != kNoTensor) needed[static_cast<size_t>(id)] = true;
    }
    for (TensorId id : node.outputs) needed[static_cast<size_t>(id)] = true;
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);

  std::vector<TensorId> renamed(graph.tensors.size(), kNoTensor);
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    if (!needed[i]) continue;
    renamed[i] = static_cast<TensorId>(tensors.size());
    tensors.push_back(std::move(graph.tensors[i]));
  }
  graph.tensors = std::move(tensors);
  const auto rename = [&](std::vector<TensorId>& ids) {
    for (TensorId& id : ids) {
      if (id != kNoTensor) id = renamed[static_cast<size_t>(id)];
    }
  };
  for (Node& node : graph.nodes) {
    rename(node.inputs);
    rename(node.outputs);
  }
  rename(graph.inputs);
  rename(graph.outputs);
}

Status sort_nodes(Graph& graph) {
  const std::vector<NodeId> producer = producers(graph);
  std::vector<uint8_t> state(graph.nodes.size(), 0);  // 0 new, 1 waiting for its inputs, 2 placed
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  for (size_t root = 0; root < graph.nodes.size(); ++root) {
    std::vector<size_t> stack{root};
    while (!stack.empty()) {
      const size_t n = stack.back();
      if (state[n] == 2) {
        stack.pop_back();
        continue;
      }
      const bool first = state[n] == 0;
      state[n] = 1;
      bool ready = true;
      for (TensorId id : graph.nodes[n].inputs) {
        if (id == kNoTensor) continue;
        const NodeId from = producer[static_cast<size_t>(id)];
        if (from < 0 || state[static_cast<size_t>(from)] == 2) continue;
        if (!first || state[static_cast<size_t>(from)] == 1) {
          return Error{Code::invalid_argument, "node '" + graph.nodes[n].name + "' is part of a cycle"};
        }
        ready = false;
        stack.push_back(static_cast<size_t>(from));
      }
      if (!ready) continue;
      state[n] = 2;
      stack.pop_back();
      sorted.push_back(graph.nodes[n]);
    }
  }
  graph.nodes = std::move(sorted);
  return {};
}

}  // namespace nibble

// A small residual classifier, a damaged copy of it, and samples.
#pragma once

#include "converter/execute/executor.h"
#include "converter/recover/features.h"
#include "tests/statistics/layer_net.h"

namespace nibble::test {

inline Conv2d same_size(UnaryKind activation = UnaryKind::identity) {
  Conv2d op;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
  op.activation.kind = activation;
  return op;
}

inline TensorId add_node(Graph& graph, const std::string& name, Op op, std::vector<TensorId> inputs) {
  const auto node = graph.add_node(name, std::move(op), std::move(inputs));
  EXPECT_TRUE(node) << node.error().message;
  const TensorId y = graph.nodes.back().outputs[0];
  graph.outputs = {y};
  return y;
}

// stem, two residual blocks, mean, 5 classes (with `softmax`: probabilities); input [1, 3, 8, 8].
inline Graph residual_net(bool softmax = false) {
  Graph graph;
  TensorId x = add_input(graph, {1, 3, 8, 8});
  x = add_layer(graph, "stem", same_size(UnaryKind::relu), x, {8, 3, 3, 3}, 1, 0.6f);
  for (uint32_t block = 0; block < 2; ++block) {
    const std::string name = "block" + std::to_string(block);
    const TensorId a = add_layer(graph, name + ".a", same_size(UnaryKind::relu), x, {8, 8, 3, 3}, 10 + block, 0.3f);
    const TensorId b = add_layer(graph, name + ".b", same_size(), a, {8, 8, 3, 3}, 20 + block, 0.3f);
    x = add_node(graph, name + ".add", Binary{BinaryKind::add, {UnaryKind::relu}}, {b, x});
  }
  x = add_node(graph, "mean", Reduce{ReduceKind::mean, {2, 3}, false}, {x});
  x = add_layer(graph, "logits", Linear{}, x, {5, 8}, 30);
  if (softmax) x = add_node(graph, "softmax", Softmax{1}, {x});
  return graph;
}

// Sets the weights of the first `channels` outputs of these nodes to zero.
inline Graph damaged(const Graph& original, const std::vector<std::string>& nodes, size_t channels) {
  Graph graph = original;
  for (const Node& node : graph.nodes) {
    if (std::find(nodes.begin(), nodes.end(), node.name) == nodes.end()) continue;
    for (const size_t slot : {conv_input::weights, conv_input::bias}) {
      Tensor& tensor = graph.tensor(node.inputs[slot]);
      Floats values(tensor.constant->as<float>().begin(), tensor.constant->as<float>().end());
      const size_t row = values.size() / static_cast<size_t>(tensor.desc.shape[0].value());
      std::fill_n(values.begin(), row * channels, 0.0f);
      tensor.constant = ConstantData::of(values);
    }
  }
  return graph;
}

inline recover::Samples noise_samples(size_t count) {
  recover::Samples out;
  out.count = count;
  out.bind = [](const Graph& graph) { return bind_dims(graph, {}); };
  out.run = [](const Graph& graph, std::span<const size_t> samples, const recover::TakeOutputs& take) -> Status {
    NBL_TRY(const Graph bound, bind_dims(graph, {}));
    NBL_TRY(const std::unique_ptr<Executor> executor, make_cpu_executor(bound));
    for (const size_t i : samples) {
      NBL_TRY(reference::FloatValue x, reference::make_value<float>(bound.desc(bound.inputs[0])));
      x.real = noise(x.real.size(), static_cast<uint32_t>(100 + i));
      std::vector<reference::FloatValue> inputs;
      inputs.push_back(std::move(x));
      NBL_TRY(const std::vector<reference::FloatValue> outputs, executor->run(std::move(inputs), {}));
      NBL_CHECK(take(i, outputs));
    }
    return {};
  };
  return out;
}

// Bytes of all constants, to compare networks.
inline std::vector<std::byte> constant_bytes(const Graph& graph) {
  std::vector<std::byte> out;
  for (const Tensor& t : graph.tensors) {
    if (t.is_constant()) out.insert(out.end(), t.constant->bytes.begin(), t.constant->bytes.end());
  }
  return out;
}

}  // namespace nibble::test

// Graphs of one or few layers with random weights.
#pragma once

#include "ops/op.h"
#include "tests/converter/oracle_run.h"

namespace nibble::test {

inline TensorId add_noise(Graph& graph, const std::string& name, Shape shape, uint32_t seed, float scale = 1.0f) {
  Floats values = noise(static_cast<size_t>(elements(shape).value()), seed);
  for (float& v : values) v *= scale;
  return graph.add_constant({name, DType::f32, std::move(shape), {}, Packing::plain}, ConstantData::of(values));
}

inline TensorId add_input(Graph& graph, Shape shape) {
  const TensorId x = graph.add_tensor({"x", DType::f32, std::move(shape), {}, Packing::plain});
  graph.inputs = {x};
  return x;
}

// Adds a layer behind x with weights of this shape and a bias; returns its output.
inline TensorId add_layer(Graph& graph, const std::string& name, Op op, TensorId x, Shape weights, uint32_t seed,
                          float scale = 1.0f) {
  const Dim outputs = weights[0];
  const TensorId w = add_noise(graph, name + ".w", std::move(weights), seed, scale);
  const TensorId b = add_noise(graph, name + ".b", {outputs}, seed + 1);
  const auto node = graph.add_node(name, std::move(op), {x, w, b});
  EXPECT_TRUE(node) << node.error().message;
  const TensorId y = graph.nodes.back().outputs[0];
  graph.outputs = {y};
  return y;
}

}  // namespace nibble::test

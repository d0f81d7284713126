#include "networks.h"

#include <gtest/gtest.h>

#include "core/requantize.h"
#include "format/packing.h"
#include "ops/op.h"
#include "reference/evaluate.h"

namespace nibble::test {
namespace {

std::vector<std::byte> bytes_of(const std::vector<float>& values) {
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return {first, first + values.size() * sizeof(float)};
}

TensorId input(Graph& graph, const std::string& name, DType type, Shape shape) {
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = std::move(shape);
  const TensorId id = graph.add_tensor(std::move(desc));
  graph.inputs.push_back(id);
  return id;
}

TensorId weights(Graph& graph, const std::string& name, Shape shape, uint32_t seed) {
  TensorDesc desc;
  desc.name = name;
  desc.shape = std::move(shape);
  desc.packing = Packing::blocked;
  const auto count = static_cast<size_t>(elements(desc.shape).value());
  auto packed = pack_weights(desc, bytes_of(some_values(count, seed)));
  EXPECT_TRUE(packed) << packed.error().message;
  return graph.add_constant(std::move(desc), ConstantData::own(std::move(*packed)));
}

TensorId bias(Graph& graph, const std::string& name, int64_t channels, uint32_t seed) {
  TensorDesc desc;
  desc.name = name;
  desc.shape = {channels};
  return graph.add_constant(std::move(desc), ConstantData::of(some_values(static_cast<size_t>(channels), seed)));
}

TensorId add(Graph& graph, const std::string& name, Op op, std::vector<TensorId> inputs) {
  auto node = graph.add_node(name, std::move(op), std::move(inputs));
  EXPECT_TRUE(node) << node.error().message;
  return graph.nodes[static_cast<size_t>(*node)].outputs[0];
}

TensorId conv(Graph& graph, const std::string& name, TensorId x, int64_t in, int64_t out, int32_t kernel, uint32_t seed,
              UnaryKind activation) {
  Conv2d op;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = kernel / 2;
  op.activation.kind = activation;
  const TensorId w = weights(graph, name + ".weight", {out, in, kernel, kernel}, seed);
  const TensorId b = bias(graph, name + ".bias", out, seed + 1);
  return add(graph, name, op, {x, w, b});
}

}  // namespace

std::vector<float> some_values(size_t count, uint32_t seed) {
  std::vector<float> values;
  uint32_t state = seed * 2654435761u + 12345u;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    values.push_back(static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f);
  }
  return values;
}

Graph residual_network() {
  Graph graph;
  const TensorId x = input(graph, "x", DType::f32, {Dim::symbol("N"), 3, 9, 7});
  const TensorId first = conv(graph, "first", x, 3, 6, 3, 1, UnaryKind::relu);
  const TensorId second = conv(graph, "second", first, 6, 6, 3, 2, UnaryKind::identity);
  Binary sum;
  graph.outputs = {add(graph, "sum", sum, {first, second})};
  return graph;
}

Graph deep_network(int depth) {
  Graph graph;
  TensorId x = input(graph, "x", DType::f32, {Dim::symbol("N"), 3, 9, 7});
  for (int i = 0; i < depth; ++i) {
    x = conv(graph, "c" + std::to_string(i), x, i == 0 ? 3 : 8, 8, 1, static_cast<uint32_t>(i), UnaryKind::identity);
  }
  Unary relu;
  relu.kind = UnaryKind::relu;
  graph.outputs = {add(graph, "y", relu, {x})};
  return graph;
}

Graph wide_network(int64_t channels) {
  Graph graph;
  const TensorId x = input(graph, "x", DType::f32, {Dim::symbol("N"), channels, 1, 1});
  graph.outputs.push_back(conv(graph, "wide", x, channels, channels, 1, 3, UnaryKind::identity));
  return graph;
}

Graph integer_network() {
  constexpr int64_t kIn = 5, kOut = 6;
  Graph graph;
  const TensorId x = input(graph, "x", DType::i8, {Dim::symbol("N"), kIn, 6, 6});
  graph.desc(x).quant = Quant::tensor(0.05f, 3);

  TensorDesc w;
  w.name = "conv.weight";
  w.type = DType::i8;
  w.shape = {kOut, kIn, 3, 3};
  w.packing = Packing::blocked;
  w.quant = Quant::channel(0, std::vector<float>(kOut, 0.01f));
  std::vector<std::byte> plain;
  for (float value : some_values(kOut * kIn * 9, 5))
    plain.push_back(static_cast<std::byte>(static_cast<int>(value * 127)));
  auto packed = pack_weights(w, plain);
  EXPECT_TRUE(packed) << packed.error().message;

  const auto array = [&](const std::string& name, DType type) {
    TensorDesc desc;
    desc.name = name;
    desc.type = type;
    desc.shape = {kOut};
    return desc;
  };
  const FixedMultiplier factor = fixed_multiplier(0.05 * 0.01 / 0.1);
  const std::vector<int32_t> bias = {100, -2000, 0, 31, -7, 900}, multipliers(kOut, factor.multiplier);
  const std::vector<uint8_t> shifts(kOut, static_cast<uint8_t>(factor.shift));
  const std::vector<TensorId> inputs = {
      x, graph.add_constant(w, ConstantData::own(std::move(*packed))),
      graph.add_constant(array("conv.bias", DType::i32), ConstantData::of(bias)),
      graph.add_constant(array("conv.multiplier", DType::i32), ConstantData::of(multipliers)),
      graph.add_constant(array("conv.shift", DType::u8), ConstantData::of(shifts))};
  Conv2d op;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
  TensorDesc declared;
  declared.type = DType::i8;
  declared.quant = Quant::tensor(0.1f, -4);
  auto node = graph.add_node("conv", op, inputs, {declared});
  EXPECT_TRUE(node) << node.error().message;
  Pool2d pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  graph.outputs = {add(graph, "pool", pool, {graph.nodes[0].outputs[0]})};
  return graph;
}

Graph identity_network(DType type, Shape shape) {
  Graph graph;
  graph.outputs = {input(graph, "x", type, std::move(shape))};
  return graph;
}

uint64_t constant_bytes(const Graph& graph) {
  uint64_t bytes = 0;
  for (const Tensor& tensor : graph.tensors) bytes += tensor.constant ? tensor.constant->bytes.size() : 0;
  return bytes;
}

namespace {

reference::Value run_oracle(const Graph& bound, std::span<const std::byte> input) {
  reference::ValueMap inputs;
  auto value = reference::value_from_bytes<double>(bound.desc(bound.inputs[0]), input);
  EXPECT_TRUE(value) << value.error().message;
  inputs.emplace(bound.inputs[0], std::move(value).value());
  auto outputs = reference::run(bound, std::move(inputs), {});
  EXPECT_TRUE(outputs) << outputs.error().message;
  return outputs->at(bound.outputs[0]);
}

}  // namespace

std::vector<float> expected_output(const Graph& bound, const std::vector<float>& input) {
  const reference::Value output = run_oracle(bound, std::as_bytes(std::span(input)));
  return {output.real.begin(), output.real.end()};
}

std::vector<int8_t> expected_output(const Graph& bound, const std::vector<int8_t>& input) {
  const reference::Value output = run_oracle(bound, std::as_bytes(std::span(input)));
  return {output.stored.begin(), output.stored.end()};
}

}  // namespace nibble::test

#include "tool_models.h"

#include <gtest/gtest.h>

#include <limits>

#include "format/pack_graph.h"
#include "format/writer.h"
#include "ops/op.h"

namespace nibble::test {
namespace {

TensorId input(Graph& graph, const std::string& name, DType type, Shape shape, Quant quant = {}) {
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = std::move(shape);
  desc.quant = std::move(quant);
  graph.inputs.push_back(graph.add_tensor(std::move(desc)));
  return graph.inputs.back();
}

TensorId node(Graph& graph, const std::string& name, Op op, std::vector<TensorId> inputs,
              std::vector<TensorDesc> declared = {}) {
  const auto made = graph.add_node(name, std::move(op), std::move(inputs), std::move(declared));
  EXPECT_TRUE(made) << made.error().message;
  return made ? graph.nodes[static_cast<size_t>(*made)].outputs[0] : kNoTensor;
}

void write(const Graph& graph, const std::string& path) {
  const Status written = write_model(graph, path);
  EXPECT_TRUE(written) << written.error().message;
}

TensorDesc real() {
  TensorDesc desc;
  desc.type = DType::f32;
  return desc;
}

}  // namespace

void write_color_classifier(const std::string& path) {
  Graph graph;
  const TensorId image = input(graph, "image", DType::f32, {Dim::symbol("N"), 3, Dim::symbol("H"), Dim::symbol("W")});
  Reduce mean;
  mean.axes = {2, 3};
  mean.keep_dims = false;
  graph.outputs = {node(graph, "scores", mean, {image})};
  graph.metadata = {{"classes", "red\ngreen\nblue\n"}, {"preprocess", "{}"}};
  write(graph, path);
}

void write_negative(const std::string& path) {
  Graph graph;
  const TensorId image = input(graph, "image", DType::f32, {1, 3, Dim::symbol("H"), Dim::symbol("W")});
  graph.outputs = {node(graph, "negative", Unary{UnaryKind::affine, -1.0f, 1.0f}, {image})};
  write(graph, path);
}

void write_sums(const std::string& path) {
  Graph graph;
  const TensorId a = input(graph, "a", DType::f32, {Dim::symbol("N"), 2});
  const TensorId b = input(graph, "b/x", DType::f32, {Dim::symbol("N"), 2});
  graph.outputs = {node(graph, "sum:0", Binary{}, {a, b}), node(graph, "sum_0", Unary{UnaryKind::neg}, {a})};
  write(graph, path);
}

void write_integers(const std::string& path) {
  Graph graph;
  const TensorId bytes = input(graph, "bytes", DType::u8, {1, 1, 2, 2});
  const TensorId fine = input(graph, "fine", DType::i8, {4}, Quant::tensor(0.5f, 3));
  const TensorId ids = input(graph, "ids", DType::i64, {2});
  graph.outputs = {node(graph, "bytes_f32", Convert{}, {bytes}, {real()}),
                   node(graph, "fine_f32", Convert{}, {fine}, {real()}), node(graph, "ids_out", Reshape{{2}}, {ids})};
  write(graph, path);
}

void write_detector(const std::string& path) {
  Graph graph;
  const TensorId image = input(graph, "image", DType::f32, {1, 1, 2, 3});
  const TensorId row = node(graph, "row", Reshape{{1, 1, 6}}, {image});
  const TensorId scores = node(graph, "scores", Slice{{0, 0, 0}, {1, 1, 1}, {1, 1, 2}}, {row});
  const TensorId boxes = node(graph, "boxes", Slice{{0, 0, 2}, {1, 1, 1}, {1, 1, 4}}, {row});
  graph.outputs = {scores, boxes};
  graph.metadata = {{"detection", R"({"decoder": "ultraface", "score": 0.5, "nms": 0.3})"}, {"classes", "face"}};
  write(graph, path);
}

void write_convolution(const std::string& path) {
  Graph graph;
  const TensorId x = input(graph, "x", DType::f32, {1, 4, 8, 8});
  TensorDesc weights = real();
  weights.name = "weights";
  weights.shape = {8, 4, 1, 1};
  std::vector<float> values(8 * 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 16 - 1;
  const TensorId w = graph.add_constant(std::move(weights), ConstantData::of(values));
  graph.outputs = {node(graph, "conv", Conv2d{}, {x, w})};
  const Status packed = pack_graph(graph);
  EXPECT_TRUE(packed) << packed.error().message;
  write(graph, path);
}

void write_broken(const std::string& path) {
  Graph graph;
  const TensorId x = input(graph, "x", DType::f32, {4});
  TensorDesc desc;
  desc.name = "nan";
  desc.shape = {4};
  const std::vector<float> values(4, std::numeric_limits<float>::quiet_NaN());
  const TensorId nan = graph.add_constant(desc, ConstantData::of(values));
  graph.outputs = {node(graph, "y", Binary{}, {x, nan})};
  write(graph, path);
}

}  // namespace nibble::test

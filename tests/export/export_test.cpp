// Quantized layers as QuantizeLinear and DequantizeLinear: the same integers when the file is read again.
#include "tests/export/exported_net.h"

namespace nibble::test {
namespace {

using quantization::ActivationFormat;
using quantization::WeightFormat;

// Three convolutions with a join, a residual, pooling and a classifier.
OnnxBuilder network(int64_t channels = 40) {
  const auto c = channels;
  const auto weights = [&](size_t n, uint32_t seed, float scale) {
    Floats v = noise(n, seed);
    for (float& x : v) x *= scale;
    return v;
  };
  OnnxBuilder b(13);
  b.input("x", {"1", "3", "9", "9"}).output("y");
  b.floats("w1", {c, 3, 3, 3}, weights(static_cast<size_t>(c) * 27, 3, 0.3f))
      .floats("b1", {c}, noise(static_cast<size_t>(c), 4));
  b.floats("w2", {c, c, 3, 3}, weights(static_cast<size_t>(c * c) * 9, 5, 0.1f))
      .floats("b2", {c}, noise(static_cast<size_t>(c), 6));
  b.floats("w3", {c, 1, 3, 3}, weights(static_cast<size_t>(c) * 9, 7, 0.4f));
  b.floats("w4", {7, 2 * c}, weights(static_cast<size_t>(14 * c), 8, 0.2f)).floats("b4", {7}, noise(7, 9));
  const OnnxAttribute pads{"pads", std::vector<int64_t>{1, 1, 1, 1}};
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {pads}, "conv1").node("Relu", {"c1"}, {"r1"});
  b.node("Conv", {"r1", "w2", "b2"}, {"c2"}, {pads}, "conv2").node("Add", {"c2", "r1"}, {"s"}, {}, "sum");
  b.node("Conv", {"s", "w3"}, {"c3"}, {pads, {"group", c}}, "depthwise")
      .node("Clip", {"c3", "low", "high"}, {"k3"}, {}, "clip");
  b.floats("low", {}, {-0.8f}).floats("high", {}, {0.9f});
  b.node("Concat", {"k3", "r1"}, {"j"}, {{"axis", int64_t{1}}}, "join");
  b.node("MaxPool", {"j"}, {"m"},
         {{"kernel_shape", std::vector<int64_t>{3, 3}}, {"strides", std::vector<int64_t>{2, 2}}, pads}, "pool");
  b.node("GlobalAveragePool", {"m"}, {"g"}, {}, "mean").node("Flatten", {"g"}, {"f"}, {}, "flat");
  b.node("Gemm", {"f", "w4", "b4"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  return b;
}

const Tensor* weights_of(const Graph& graph, const std::string& node) {
  for (const Node& n : graph.nodes) {
    if (n.name == node) return &graph.tensor(n.inputs[1]);
  }
  return nullptr;
}

TEST(export_onnx, int8_networks_keep_every_integer) {
  const ExportedNet e = export_net(network());
  EXPECT_EQ(e.file.int8_layers, 4u);
  EXPECT_EQ(e.file.float_layers, 0u);
  for (const char* layer : {"conv1", "conv2", "depthwise", "fc"}) {
    const Tensor* before = weights_of(e.net.quantized.graph, layer);
    const Tensor* after = weights_of(e.again_quantized, layer);
    ASSERT_TRUE(before && after) << layer << "\n" << dump_text(e.again_quantized);
    ASSERT_EQ(after->desc.type, DType::i8) << layer;
    EXPECT_EQ(before->desc.quant.scales, after->desc.quant.scales) << layer;
    EXPECT_TRUE(std::ranges::equal(before->constant->as<int8_t>(), after->constant->as<int8_t>())) << layer;
  }
  // The quantizer makes the same integer network of it: not a bit differs.
  EXPECT_EQ(difference(e.net.quantized.graph, e.again_quantized).most, 0.0) << dump_text(e.again_quantized);
  // Run as floats between QuantizeLinear and DequantizeLinear, only ties differ.
  for (uint32_t seed = 11; seed < 15; ++seed) {
    const Difference d = difference(e.net.quantized.graph, e.again, seed);
    EXPECT_LT(d.most, 0.01) << seed;
  }
}

TEST(export_onnx, int4_weights_are_exactly_the_same_values) {
  const ExportedNet e = export_net(network(), {.weights = WeightFormat::int4, .group_size = 32});
  EXPECT_GT(e.file.float_layers, 0u);
  EXPECT_EQ(e.file.int8_layers + e.file.float_layers, 4u);
  for (uint32_t seed = 11; seed < 15; ++seed) {
    const Difference d = difference(e.net.quantized.graph, e.again, seed);
    EXPECT_LT(d.most, 0.01) << seed;
  }
}

TEST(export_onnx, rows_of_one_int4_group_fit_int8) {
  OnnxBuilder b(13);
  b.input("x", {"1", "8"}).output("y").floats("first", {8, 8}, noise(64, 4)).floats("w", {6, 8}, noise(48, 3));
  b.node("Gemm", {"x", "first"}, {"h"}, {{"transB", int64_t{1}}}, "stays_int8");
  b.node("Gemm", {"h", "w"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  const ExportedNet e = export_net(b, {.weights = WeightFormat::int4});
  ASSERT_TRUE(e.net.decision("fc"));
  EXPECT_EQ(e.net.decision("fc")->weights, WeightFormat::int4);
  EXPECT_EQ(e.file.int8_layers, 2u);
  EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 0.01);
}

TEST(export_onnx, a_row_that_would_fit_int8_keeps_its_scale_beside_one_that_does_not) {
  OnnxBuilder b(13);
  Floats w = noise(2 * 128, 3);
  for (size_t i = 32; i < 128; ++i) w[i] = 0.0f;  // only the first group of the first row counts
  const float factors[] = {1.0f, 0.77f, 0.37f, 0.13f};
  for (size_t i = 0; i < 128; ++i) w[128 + i] *= factors[i / 32];
  b.input("x", {"1", "8"}).output("y").floats("first", {128, 8}, noise(1024, 4)).floats("w", {2, 128}, w);
  b.node("Gemm", {"x", "first"}, {"h"}, {{"transB", int64_t{1}}}, "stays_int8");
  b.node("Gemm", {"h", "w"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  const ExportedNet e = export_net(b, {.weights = WeightFormat::int4});
  EXPECT_EQ(e.file.float_layers, 1u);
  for (uint32_t seed = 11; seed < 31; ++seed)  // with one, saturation may hide a wrong scale
    EXPECT_LT(difference(e.net.quantized.graph, e.again, seed).most, 0.02) << seed;
}

TEST(export_onnx, float_activations_keep_narrow_weights) {
  for (const WeightFormat format : {WeightFormat::int8, WeightFormat::int4, WeightFormat::fp16, WeightFormat::fp32}) {
    const ExportedNet e = export_net(network(), {.weights = format, .activations = ActivationFormat::real});
    EXPECT_EQ(e.file.int8_layers > 0, format == WeightFormat::int8 || format == WeightFormat::int4);
    EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 1e-5) << to_string(format);
  }
}

TEST(export_onnx, half_activations_are_casts) {
  const ExportedNet e = export_net(network(), {.weights = WeightFormat::fp16, .activations = ActivationFormat::fp16});
  EXPECT_NE(e.file.bytes.find("Cast"), std::string::npos);
  EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 0.01);
}

TEST(export_onnx, the_same_network_gives_the_same_bytes) {
  EXPECT_EQ(export_net(network()).file.bytes, export_net(network()).file.bytes);
}

TEST(export_onnx, packed_graphs_are_refused) {
  QuantizedNet net = quantize_net(network());
  ASSERT_TRUE(pack_graph(net.quantized.graph));
  const auto file = onnx_export::export_graph(net.quantized.graph, {});
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("packed already"), std::string::npos) << file.error().message;
}

}  // namespace
}  // namespace nibble::test

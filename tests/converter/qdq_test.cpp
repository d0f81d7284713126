// Networks that came quantized (QuantizeLinear, DequantizeLinear): their own scales are honoured.
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

// x -> Q -> DQ -> Conv(DQ weights, DQ bias) -> Q -> DQ -> y; activations uint8 or int8.
OnnxBuilder network(bool bytes, const OnnxNames& tail = {}) {
  const int32_t type = bytes ? kOnnxUint8 : kOnnxInt8;
  OnnxBuilder b(13);
  b.input("x", {"1", "2", "2", "2"}).output("y");
  b.floats("sx", {}, {1.0f / 64})
      .integers("zx", {}, {bytes ? 128 : 3}, type)
      .floats("sy", {}, {1.0f / 32})
      .integers("zy", {}, {bytes ? 100 : -28}, type);
  b.integers("w", {2, 2, 1, 1}, {-128, 127, 5, -6}, kOnnxInt8)
      .floats("sw", {2}, {1.0f / 128, 1.0f / 16})
      .integers("zw", {2}, {0, 0}, kOnnxInt8);
  b.integers("bias", {2}, {1000, -200}, kOnnxInt32)
      .floats("sb", {2}, {1.0f / 8192, 1.0f / 1024})
      .integers("zb", {2}, {0, 0}, kOnnxInt32);
  b.node("QuantizeLinear", {"x", "sx", "zx"}, {"xq"}).node("DequantizeLinear", {"xq", "sx", "zx"}, {"xd"});
  b.node("DequantizeLinear", {"w", "sw", "zw"}, {"wd"}, {{"axis", int64_t{0}}})
      .node("DequantizeLinear", {"bias", "sb", "zb"}, {"bd"}, {{"axis", int64_t{0}}});
  b.node("Conv", {"xd", "wd", "bd"}, {"c"}, {}, "conv").node("QuantizeLinear", {"c", "sy", "zy"}, {"cq"});
  if (tail.empty()) b.node("DequantizeLinear", {"cq", "sy", "zy"}, {"y"});
  return b;
}

// The largest difference in units of the output's step.
double worst_step(const OnnxBuilder& b, Graph* made = nullptr) {
  const QuantizedNet net = quantize_net(b);
  const auto inputs = noise_inputs(net.original);
  const auto expected = run_floats(net.original, inputs), actual = run_floats(net.quantized.graph, inputs);
  EXPECT_TRUE(expected && actual);
  if (!expected || !actual) return 1e9;
  double worst = 0;
  for (size_t i = 0; i < (*expected)[0].size(); ++i)
    worst = std::max(worst, std::abs((*expected)[0][i] - (*actual)[0][i]) * 32);
  if (made) *made = net.quantized.graph;
  return worst;
}

TEST(qdq, networks_compute_in_integers_with_their_own_scales) {
  for (const bool bytes : {true, false}) {
    Graph graph;
    EXPECT_LE(worst_step(network(bytes), &graph), 1.0) << bytes;
    const std::string text = dump_text(graph);
    EXPECT_NE(text.find("q(0.015625, " + std::to_string(bytes ? 0 : 3) + ")"), std::string::npos) << text;
    EXPECT_NE(text.find("q(0.03125, -28)"), std::string::npos) << text;
    for (const Node& node : graph.nodes) {
      if (node.name != "conv") continue;
      EXPECT_TRUE(is_integer_node(graph, node)) << text;
      const Tensor& w = graph.tensor(node.inputs[1]);
      EXPECT_EQ(w.desc.quant.scales, (std::vector<float>{1.0f / 128, 1.0f / 16}));
      const auto values = w.constant->as<int8_t>();
      EXPECT_EQ(std::vector<int>(values.begin(), values.end()), (std::vector<int>{-128, 127, 5, -6}));
    }
  }
}

TEST(qdq, values_follow_onnx_also_where_uint8_is_kept_as_int8) {
  OnnxBuilder b(13);
  b.input("x", {"5"}).output("y").floats("s", {}, {0.5f}).integers("z", {}, {10}, kOnnxUint8);
  b.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  expect_close(run_one(b.graph().value(), {-9, -5, 0, 0.6f, 200}), {-5, -5, 0, 0.5, 122.5}, 0);
  OnnxBuilder plain(13);  // no zero point: uint8
  plain.input("x", {"3"}).output("y").floats("s", {}, {0.5f});
  plain.node("QuantizeLinear", {"x", "s"}, {"q"}).node("DequantizeLinear", {"q", "s"}, {"y"});
  expect_close(run_one(plain.graph().value(), {-1, 1, 200}), {0, 1, 127.5}, 0);
}

TEST(qdq, constants_may_be_quantized_in_the_graph) {
  OnnxBuilder b(13);
  b.input("x", {"2"})
      .output("y")
      .floats("w", {2}, {1.3f, -0.4f})
      .floats("s", {}, {0.5f})
      .integers("z", {}, {4}, kOnnxUint8);
  b.node("QuantizeLinear", {"w", "s", "z"}, {"q"})
      .node("DequantizeLinear", {"q", "s", "z"}, {"wd"})
      .node("Add", {"x", "wd"}, {"y"});
  expect_close(run_one(b.graph().value(), {0, 0}), {1.5, -0.5}, 0);
}

TEST(qdq, an_output_that_is_quantized_keeps_its_type) {
  for (const bool bytes : {true, false}) {
    auto b = network(bytes, {"none"});
    b.node("Identity", {"cq"}, {"y"});
    const QuantizedNet net = quantize_net(b);
    const Graph& graph = net.quantized.graph;
    EXPECT_EQ(graph.desc(graph.outputs[0]).type, bytes ? DType::u8 : DType::i8) << dump_text(graph);
    EXPECT_EQ(graph.desc(graph.outputs[0]).quant.zero_point, bytes ? 100 : -28);
    EXPECT_EQ(graph.desc(graph.outputs[0]).name, "y");
    EXPECT_LT(worst_error(net), 0.05);
  }
}

TEST(qdq, an_input_that_is_quantized_keeps_its_type) {
  for (const bool bytes : {true, false}) {
    const int32_t type = bytes ? kOnnxUint8 : kOnnxInt8;
    OnnxBuilder b(13);
    b.input("x", {"4"}, type)
        .output("y")
        .output("z")
        .floats("s", {}, {0.5f})
        .integers("p", {}, {bytes ? 130 : 2}, type);
    b.node("DequantizeLinear", {"x", "s", "p"}, {"y"})
        .node("DequantizeLinear", {"x", "s", "p"}, {"d"})
        .node("Relu", {"d"}, {"z"});
    const auto graph = b.graph();
    ASSERT_TRUE(graph) << graph.error().message;
    EXPECT_EQ(graph->desc(graph->inputs[0]).type, bytes ? DType::u8 : DType::i8);
    const auto out = run_floats(*graph, {bytes ? Floats{0, 130, 131, 255} : Floats{-128, 2, 3, 127}});
    ASSERT_TRUE(out) << out.error().message;
    expect_close((*out)[0], {-65, 0, 0.5, 62.5}, 0);
    expect_close((*out)[1], {0, 0, 0.5, 62.5}, 0);
  }
}

TEST(qdq, operators_between_work_on_the_integers) {
  for (const bool bytes : {true, false}) {
    auto b = network(bytes, {"none"});
    b.node("MaxPool", {"cq"}, {"m"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}})
        .node("DequantizeLinear", {"m", "sy", "zy"}, {"y"});
    EXPECT_LE(worst_step(b), 1.0) << bytes;
  }
}

TEST(qdq, scales_of_transposed_weights_follow_their_axis) {
  OnnxBuilder b(13);
  b.input("x", {"1", "2"}).output("y").floats("s", {}, {1.0f / 64}).integers("z", {}, {0}, kOnnxInt8);
  b.integers("w", {2, 2}, {1, -2, 3, -128}, kOnnxInt8)
      .floats("sw", {2}, {0.5f, 0.125f})
      .integers("zw", {2}, {0, 0}, kOnnxInt8);
  b.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"d"});
  b.node("DequantizeLinear", {"w", "sw", "zw"}, {"wd"}, {{"axis", int64_t{1}}})
      .node("Gemm", {"d", "wd"}, {"y"}, {}, "fc");
  const QuantizedNet net = quantize_net(b);
  for (const Node& node : net.quantized.graph.nodes) {
    if (node.name != "fc") continue;
    const Tensor& w = net.quantized.graph.tensor(node.inputs[1]);
    EXPECT_EQ(w.desc.quant.scales, (std::vector<float>{0.5f, 0.125f}));
    const auto values = w.constant->as<int8_t>();
    EXPECT_EQ(std::vector<int>(values.begin(), values.end()), (std::vector<int>{1, 3, -2, -128}));
  }
  EXPECT_LT(worst_error(net), 0.05);
}

}  // namespace
}  // namespace nibble::test

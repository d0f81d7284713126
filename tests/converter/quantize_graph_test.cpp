// Graphs after quantization: which nodes compute in integers, and that the results stay close to those of floats.
#include <algorithm>
#include <cmath>

#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using quantization::ActivationFormat;
using quantization::Options;
using quantization::WeightFormat;

OnnxBuilder picture() {
  OnnxBuilder b;
  b.input("x", {"1", "4", "8", "8"}).output("y");
  b.floats("w1", {8, 4, 3, 3}, noise(288, 1))
      .floats("b1", {8}, noise(8, 2))
      .floats("w2", {8, 8, 3, 3}, noise(576, 3))
      .floats("b2", {8}, noise(8, 4));
  return b;
}

// Conv -> Relu -> Conv -> Add -> GlobalAveragePool -> Flatten -> Gemm
OnnxBuilder classifier() {
  auto b = picture();
  b.floats("w3", {5, 8}, noise(40, 5)).floats("b3", {5}, noise(5, 6));
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {}, "conv1").node("Relu", {"c1"}, {"r1"});
  b.node("Conv", {"r1", "w2", "b2"}, {"c2"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv2")
      .node("Add", {"c2", "r1"}, {"sum"});
  b.node("GlobalAveragePool", {"sum"}, {"pool"}).node("Flatten", {"pool"}, {"flat"});
  b.node("Gemm", {"flat", "w3", "b3"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  return b;
}

TEST(quantize, computes_a_small_network_in_int8_close_to_float) {
  const QuantizedNet net = quantize_net(classifier());
  EXPECT_LT(worst_error(net), 0.05);
  for (const char* node : {"conv1", "conv2", "fc"}) {
    const auto* d = net.decision(node);
    ASSERT_TRUE(d) << node;
    EXPECT_EQ(d->activations, ActivationFormat::int8);
    EXPECT_EQ(d->reason, "");
  }
  EXPECT_EQ(count_of(net.quantized.graph, "Convert"), 2u) << dump_text(net.quantized.graph);  // in and out
  EXPECT_EQ(net.quantized.graph.desc(net.quantized.graph.outputs[0]).name, "y");
}

TEST(quantize, keeps_the_first_layer_of_int4_in_int8_and_says_so) {
  const QuantizedNet net = quantize_net(classifier(), {.weights = WeightFormat::int4});
  EXPECT_LT(worst_error(net), 0.3);
  ASSERT_TRUE(net.decision("conv1") && net.decision("conv2"));
  EXPECT_EQ(net.decision("conv1")->weights, WeightFormat::int8);
  EXPECT_EQ(net.decision("conv1")->reason, "first layer");
  EXPECT_EQ(net.decision("conv2")->weights, WeightFormat::int4);
  EXPECT_LT(net.bytes.size(), quantize_net(classifier()).bytes.size());
}

// 8 -> 8 -> 128 -> 128 -> `classes` by 1x1 convolutions.
OnnxBuilder ending_in(int64_t classes) {
  OnnxBuilder b;
  b.input("x", {"1", "8", "4", "4"}).output("y");
  b.floats("w1", {8, 8, 1, 1}, noise(64, 1)).floats("w2", {128, 8, 1, 1}, noise(1024, 2));
  b.floats("w3", {128, 128, 1, 1}, noise(16384, 3));
  b.floats("w4", {classes, 128, 1, 1}, noise(static_cast<size_t>(128 * classes), 4));
  b.node("Conv", {"x", "w1"}, {"c1"}, {}, "first").node("Conv", {"c1", "w2"}, {"c2"}, {}, "second");
  b.node("Conv", {"c2", "w3"}, {"c3"}, {}, "third").node("Relu", {"c3"}, {"r3"});
  b.node("Conv", {"r3", "w4"}, {"y"}, {}, "last");
  return b;
}

TEST(quantize, keeps_layers_of_few_weights_in_int8_and_says_so) {
  // The first layer's 64 weights and the last one's 384 are less than a thirty-second of 17,856; those and 512 are
  // more.
  const QuantizedNet few = quantize_net(ending_in(3), {.weights = WeightFormat::int4});
  ASSERT_TRUE(few.decision("second") && few.decision("last"));
  EXPECT_EQ(few.decision("last")->weights, WeightFormat::int8);
  EXPECT_EQ(few.decision("last")->reason, "few weights");
  EXPECT_EQ(few.decision("second")->weights, WeightFormat::int4);
  EXPECT_EQ(few.decision("third")->weights, WeightFormat::int4);
  EXPECT_EQ(quantize_net(ending_in(4), {.weights = WeightFormat::int4}).decision("last")->weights, WeightFormat::int4);
  Options planned{.weights = WeightFormat::int4};
  planned.layers = {{"last", {WeightFormat::int4, 32}}};
  EXPECT_EQ(quantize_net(ending_in(3), planned).decision("last")->weights, WeightFormat::int4);
}

TEST(quantize, takes_weights_out_of_a_codebook) {
  for (const ActivationFormat activations : {ActivationFormat::int8, ActivationFormat::real}) {
    const QuantizedNet net = quantize_net(classifier(), {.weights = WeightFormat::lut4, .activations = activations});
    EXPECT_LT(worst_error(net), 0.3);
    ASSERT_TRUE(net.decision("conv1") && net.decision("conv2"));
    EXPECT_EQ(net.decision("conv1")->reason, "first layer");
    EXPECT_EQ(net.decision("conv2")->weights, WeightFormat::lut4);
    const Graph& graph = net.quantized.graph;
    const auto conv2 =
        std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.name == "conv2"; });
    ASSERT_TRUE(conv2 != graph.nodes.end() && conv2->inputs.size() > conv_input::codebook);
    EXPECT_EQ(graph.desc(conv2->inputs[conv_input::codebook]).shape, Shape{16});
  }
}

TEST(quantize, gives_each_layer_the_format_that_is_planned_for_it) {
  for (const ActivationFormat activations : {ActivationFormat::int8, ActivationFormat::real}) {
    Options options{.weights = WeightFormat::int8, .activations = activations};
    options.layers = {{"conv1", {WeightFormat::int4, 32}}, {"conv2", {WeightFormat::int4, 128}}};
    options.keep_wide = {std::regex("^fc$")};
    const QuantizedNet net = quantize_net(classifier(), options);
    ASSERT_TRUE(net.decision("conv1") && net.decision("conv2") && net.decision("fc"));
    EXPECT_EQ(net.decision("conv1")->weights, WeightFormat::int4);  // a plan may narrow the first layer too
    EXPECT_EQ(net.decision("conv1")->group_size, 32);
    EXPECT_EQ(net.decision("conv2")->weights, WeightFormat::int4);
    EXPECT_EQ(net.decision("conv2")->group_size, 128);
    EXPECT_EQ(net.decision("fc")->weights, WeightFormat::fp16);
    EXPECT_EQ(net.decision("fc")->group_size, 0);
  }
}

TEST(quantize, gives_the_same_bytes_for_the_same_network) {
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4}) {
    const Options options{.weights = weights};
    const std::string first = quantize_net(classifier(), options).bytes,
                      second = quantize_net(classifier(), options).bytes;
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(first == second);
  }
}

TEST(quantize, narrows_weights_alone_or_activations_to_fp16) {
  for (const WeightFormat weights : {WeightFormat::fp32, WeightFormat::fp16, WeightFormat::int8, WeightFormat::int4}) {
    for (const ActivationFormat activations : {ActivationFormat::real, ActivationFormat::fp16}) {
      const QuantizedNet net = quantize_net(classifier(), {.weights = weights, .activations = activations});
      const bool narrow = weights == WeightFormat::int4;
      EXPECT_LT(worst_error(net), narrow                          ? 0.3
                                  : weights == WeightFormat::int8 ? 0.05
                                                                  : 0.01)
          << to_string(weights) << " " << to_string(activations);
      EXPECT_EQ(net.integer_nodes(), 0u);
      const TensorDesc& y = net.quantized.graph.desc(net.quantized.graph.outputs[0]);
      EXPECT_EQ(y.type, DType::f32);
      EXPECT_EQ(y.name, "y");
    }
  }
}

TEST(quantize, keeps_nodes_wide_that_a_pattern_names) {
  Options options;
  options.keep_wide.emplace_back("conv2");
  const QuantizedNet net = quantize_net(classifier(), options);
  ASSERT_TRUE(net.decision("conv2"));
  EXPECT_EQ(net.decision("conv2")->weights, WeightFormat::fp16);
  EXPECT_EQ(net.decision("conv2")->activations, ActivationFormat::real);
  EXPECT_EQ(net.decision("conv2")->reason, "--keep-wide");
  EXPECT_LT(worst_error(net), 0.05);
}

TEST(quantize, lets_the_parts_of_a_concat_share_scales) {
  auto b = picture();
  b.node("Conv", {"x", "w1"}, {"left"})
      .node("Conv", {"x", "w1", "b2"}, {"right"})
      .node("Concat", {"left", "right"}, {"inner"}, {{"axis", int64_t{1}}});
  b.node("Conv", {"x", "w1", "b1"}, {"third"}).node("Relu", {"third"}, {"positive"});
  b.node("Concat", {"inner", "positive"}, {"all"}, {{"axis", int64_t{1}}});
  b.floats("w", {2, 24, 1, 1}, noise(48)).node("Conv", {"all", "w"}, {"y"});
  const QuantizedNet net = quantize_net(b);
  EXPECT_LT(worst_error(net), 0.05);
  EXPECT_EQ(count_of(net.quantized.graph, "Convert"), 2u) << dump_text(net.quantized.graph);
}

TEST(quantize, rescales_and_stores_parts_of_a_concat_that_cannot_share) {
  auto b = picture();
  b.node("Conv", {"x", "w1"}, {"c"}).node("Sigmoid", {"c"}, {"s"}).node("Mul", {"c", "s"}, {"m"});
  b.floats("grid", {1, 1, 6, 6}, noise(36, 9)).node("Concat", {"c", "m", "grid"}, {"all"}, {{"axis", int64_t{1}}});
  b.floats("w", {2, 17, 1, 1}, noise(34)).node("Conv", {"all", "w"}, {"y"});
  EXPECT_LT(worst_error(quantize_net(b)), 0.05);
}

TEST(quantize, makes_tables_of_functions_one_a_channel_where_needed) {
  auto b = picture();
  b.floats("slope", {8, 1, 1}, {0, 0.1f, 0.2f, 0.3f, 0.5f, 1, 2, -1})
      .node("Conv", {"x", "w1", "b1"}, {"c"})
      .node("PRelu", {"c", "slope"}, {"p"});
  b.node("Tanh", {"p"}, {"t"}).node("Conv", {"t", "w2"}, {"y"});
  const QuantizedNet net = quantize_net(b);
  EXPECT_LT(worst_error(net), 0.08);
  EXPECT_NE(dump_text(net.quantized.graph).find("[8, 256]"), std::string::npos) << dump_text(net.quantized.graph);
}

TEST(quantize, moves_pools_and_resizes_integers) {
  auto b = picture();
  b.floats("scale", {4}, {1, 1, 2, 2}).integers("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1});
  b.node("Conv", {"x", "w1", "b1"}, {"c"})
      .node("MaxPool", {"c"}, {"m"},
            {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
  b.node("Resize", {"m", "", "scale"}, {"r"}, {{"mode", "linear"}})
      .node("AveragePool", {"r"}, {"a"}, {{"kernel_shape", std::vector<int64_t>{3, 3}}});
  b.node("Pad", {"a", "p"}, {"padded"}, {{"mode", "reflect"}})
      .node("Transpose", {"padded"}, {"t"}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
  b.node("Conv", {"t", "w2"}, {"y"}, {}, "last");
  const QuantizedNet net = quantize_net(b);
  EXPECT_LT(worst_error(net), 0.06);
  EXPECT_EQ(count_of(net.quantized.graph, "Convert"), 2u) << dump_text(net.quantized.graph);
}

TEST(quantize, transposed_convolutions_and_groups_stay_close) {
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4}) {
    auto b = picture();
    b.floats("wt", {8, 4, 2, 2}, noise(128, 5)).floats("dw", {8, 1, 3, 3}, noise(72, 8));
    b.node("Conv", {"x", "w1", "b1"}, {"c"}).node("Conv", {"c", "dw"}, {"d"}, {{"group", int64_t{8}}}, "depthwise");
    b.node("ConvTranspose", {"d", "wt"}, {"y"},
           {{"group", int64_t{2}}, {"strides", std::vector<int64_t>{2, 2}}, {"pads", std::vector<int64_t>{1, 0, 0, 1}}},
           "up");
    const QuantizedNet net = quantize_net(b, {.weights = weights});
    EXPECT_LT(worst_error(net), weights == WeightFormat::int8 ? 0.05 : 0.3);
    EXPECT_EQ(net.decision("depthwise")->weights, WeightFormat::int8);
  }
}

TEST(quantize, holds_a_bias_that_dwarfs_the_weights) {
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4}) {
    auto b = picture();
    Floats w = noise(576, 3);
    for (size_t i = 0; i < 72; ++i) w[i] *= 1e-12f;
    for (size_t i = 72; i < 144; ++i) w[i] = 0.0f;
    b.floats("w", {8, 8, 3, 3}, w).floats("b", {8}, {3, -2, 0, 0, 0, 0, 0, 0});
    b.node("Conv", {"x", "w1", "b1"}, {"c"}).node("Conv", {"c", "w", "b"}, {"y"});
    EXPECT_LT(worst_error(quantize_net(b, {.weights = weights})), weights == WeightFormat::int8 ? 0.05 : 0.3);
  }
}

TEST(quantize, computes_rows_in_float_that_could_overflow) {
  OnnxBuilder b;
  b.input("x", {"1", "80000"}).output("y").floats("w", {1, 80000}, noise(80000));
  b.node("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}}, "long");
  const QuantizedNet net = quantize_net(b);
  ASSERT_TRUE(net.decision("long"));
  EXPECT_EQ(net.decision("long")->activations, ActivationFormat::real);
  EXPECT_NE(net.decision("long")->reason.find("32 bits"), std::string::npos);
  EXPECT_LT(worst_error(net), 0.2);  // a sum of 80,000 terms that all but cancel
}

TEST(quantize, refuses_weights_that_are_not_numbers) {
  OnnxBuilder b;
  b.input("x", {"1", "2"}).output("y").floats("w", {1, 2}, {1, std::numeric_limits<float>::quiet_NaN()});
  b.node("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}}, "broken");
  const auto made = quantization::quantize(b.graph().value(), {}, {.activations = ActivationFormat::real});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("'broken'"), std::string::npos) << made.error().message;
}

TEST(quantize, takes_and_gives_bytes_of_pictures) {
  auto b = picture();
  b.floats("w", {1, 8, 1, 1}, Floats(8, 0.02f)).floats("b", {1}, {0.5f});
  b.node("Conv", {"x", "w1", "b1"}, {"c"}).node("Relu", {"c"}, {"r"}).node("Conv", {"r", "w", "b"}, {"y"});
  Options options;
  options.byte_input = {{2.0f / 255, 2.0f / 255, 2.0f / 255, -2.0f / 255}, {-1, -1, -1, 1}};
  options.byte_output = {{1.0f / 255}, {0}};
  const QuantizedNet net = quantize_net(b, options);
  const Graph& graph = net.quantized.graph;
  ASSERT_EQ(graph.desc(graph.inputs[0]).type, DType::u8);
  ASSERT_EQ(graph.desc(graph.outputs[0]).type, DType::u8);
  EXPECT_EQ(graph.desc(graph.outputs[0]).name, "y");
  EXPECT_EQ(count_of(graph, "Convert"), 0u) << dump_text(graph);
  Floats bytes, real;
  const std::vector<Floats> inputs = noise_inputs(net.original);
  for (const float x : inputs[0]) {
    const float sign = bytes.size() < 192 ? 1 : -1;
    bytes.push_back(std::round((sign * x + 1) * 127.5f));
    real.push_back(sign * (bytes.back() / 127.5f - 1));
  }
  const auto expected = run_one(net.original, real), actual = run_one(graph, bytes);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], std::clamp(expected[i] * 255, 0.0, 255.0), 5) << i;
}

bool is_power_of_two(double v) {
  int exponent = 0;
  return std::frexp(v, &exponent) == 0.5;
}

TEST(quantize, makes_scales_powers_of_two_where_asked) {
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4}) {
    const QuantizedNet net = quantize_net(classifier(), {.weights = weights, .power_of_two = true});
    const Graph& graph = net.quantized.graph;
    size_t scales = 0, multipliers = 0;
    for (const Tensor& t : graph.tensors) {
      for (float s : t.desc.quant.scales) {
        EXPECT_TRUE(is_power_of_two(static_cast<double>(s))) << t.desc.name << " " << s;
        ++scales;
      }
    }
    for (const Node& node : graph.nodes) {
      const bool weighted = op_if<Conv2d>(node) || op_if<Linear>(node);
      if (!weighted) continue;
      // A requantization that only shifts: every multiplier is the same power of two.
      for (int32_t m : graph.tensor(node.inputs[conv_input::multiplier]).constant->as<int32_t>()) {
        EXPECT_EQ(m, 1 << 30) << node.name;
        ++multipliers;
      }
      if (node.inputs.size() <= conv_input::group_multiplier) continue;
      for (uint8_t m : graph.tensor(node.inputs[conv_input::group_multiplier]).constant->as<uint8_t>())
        EXPECT_TRUE(is_power_of_two(m)) << int{m};
    }
    EXPECT_GT(scales, 10u);
    EXPECT_EQ(multipliers, 21u);
    EXPECT_LT(worst_error(net), weights == WeightFormat::int8 ? 0.1 : 0.5);
  }
}

}  // namespace
}  // namespace nibble::test

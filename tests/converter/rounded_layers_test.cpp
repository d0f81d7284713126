// Formats and rounded weights that come from elsewhere go into the file as they are.
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using quantization::ActivationFormat;
using quantization::Options;
using quantization::QuantizedWeights;
using quantization::WeightFormat;

OnnxBuilder two_products() {
  OnnxBuilder b;
  b.input("x", {"1", "8"}).output("y");
  b.floats("w1", {8, 8}, noise(64, 1)).floats("w2", {5, 8}, noise(40, 5)).floats("b2", {5}, noise(5, 6));
  b.node("Gemm", {"x", "w1"}, {"h"}, {{"transB", int64_t{1}}}, "first");
  b.node("Gemm", {"h", "w2", "b2"}, {"y"}, {{"transB", int64_t{1}}}, "second");
  return b;
}

// Weights of "second" rounded to nearest, then changed by hand, with another bias.
Options with_rounded(WeightFormat format, ActivationFormat activations) {
  Options options{.weights = format, .activations = activations};
  const Floats w = noise(40, 5);
  QuantizedWeights q = format == WeightFormat::int4 ? quantization::round_int4(w, 5, 8, 1, 32)
                                                    : quantization::round_int8(w, 5, 8, 1, {});
  q.values[3] = static_cast<int8_t>(q.values[3] > 0 ? q.values[3] - 3 : q.values[3] + 3);
  options.rounded["second"] = {q, {3.0f, -2.0f, 0.0f, 1.0f, 0.5f}};
  return options;
}

TEST(rounded_layers, are_stored_as_they_come) {
  for (const WeightFormat format : {WeightFormat::int8, WeightFormat::int4}) {
    for (const ActivationFormat activations : {ActivationFormat::real, ActivationFormat::int8}) {
      const Options options = with_rounded(format, activations);
      const auto& rounded = options.rounded.at("second");
      const QuantizedNet net = quantize_net(two_products(), options);
      const auto* node = [&]() -> const Node* {
        for (const Node& n : net.quantized.graph.nodes) {
          if (n.name == "second") return &n;
        }
        return nullptr;
      }();
      ASSERT_TRUE(node);
      const auto stored = net.quantized.graph.tensor(node->inputs[1]).constant->as<int8_t>();
      EXPECT_EQ(std::vector<int8_t>(stored.begin(), stored.end()), rounded.weights.values);
      // The bias is the given one: the network's output with all weights of `second` zero.
      Options silent = options;
      for (int8_t& v : silent.rounded.at("second").weights.values) v = 0;
      const QuantizedNet constant = quantize_net(two_products(), silent);
      const std::vector<double> y = run_one(constant.quantized.graph, noise(8, 11));
      // Outputs lie in the calibrated range.
      const auto range = noise_ranges(constant.original).at(constant.original.outputs[0]);
      const double slack =
          activations == ActivationFormat::real ? 1e-6 : 0.01 * static_cast<double>(range.high - range.low);
      for (size_t i = 0; i < 5; ++i) {
        double expected = static_cast<double>(rounded.bias[i]);
        if (activations == ActivationFormat::int8)
          expected = std::clamp(expected, std::min(0.0, static_cast<double>(range.low)),
                                std::max(0.0, static_cast<double>(range.high)));
        EXPECT_NEAR(y[i], expected, slack);
      }
    }
  }
}

TEST(rounded_layers, of_another_size_are_refused_with_both_sizes) {
  Options options = with_rounded(WeightFormat::int8, ActivationFormat::int8);
  options.rounded["second"].weights = quantization::round_int8(noise(48, 5), 6, 8, 1, {});
  auto graph = two_products().graph();
  ASSERT_TRUE(graph && passes::run(*graph, {.integer_activations = true}));
  const auto quantized = quantization::quantize(*graph, noise_ranges(*graph), options);
  ASSERT_FALSE(quantized);
  EXPECT_NE(quantized.error().message.find("[6, 8, 1]"), std::string::npos) << quantized.error().message;
  EXPECT_NE(quantized.error().message.find("'second'"), std::string::npos) << quantized.error().message;
}

}  // namespace
}  // namespace nibble::test

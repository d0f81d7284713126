#include "converter/search/simulate.h"

#include "tests/compress/small_network.h"
#include "tests/converter/quantized_net.h"

namespace nibble::search {
namespace {

using quantization::ActivationFormat;
using quantization::Options;
using quantization::WeightFormat;

double rms_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

void expect_near_integers(const Options& options) {
  const test::QuantizedNet net = test::quantize_net(test::small_classifier(), options);
  const auto ranges =
      options.activations == ActivationFormat::int8 ? test::noise_ranges(net.original) : quantization::Ranges{};
  const auto simulated = simulate(net.original, ranges, options);
  ASSERT_TRUE(simulated) << simulated.error().message;
  EXPECT_TRUE(verify(*simulated));
  const auto inputs = test::noise_inputs(net.original);
  const auto original = test::run_floats(net.original, inputs), stored = test::run_floats(net.quantized.graph, inputs),
             found = test::run_floats(*simulated, inputs);
  ASSERT_TRUE(original && stored && found);
  const double lost = rms_difference((*original)[0], (*stored)[0]);
  EXPECT_GT(lost, 0.0);
  // What the simulation leaves out is small against what quantization loses, or below a step of the stored output.
  const auto [low, high] = std::minmax_element((*original)[0].begin(), (*original)[0].end());
  const double step = options.activations == ActivationFormat::int8 ? (*high - *low) / 254.0 : 0.0;
  EXPECT_LT(rms_difference((*found)[0], (*stored)[0]), std::max(0.4 * lost, step))
      << to_string(options.weights) << " " << to_string(options.activations);
}

TEST(Simulate, comes_near_the_integers) {
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4})
    expect_near_integers({.weights = weights, .activations = ActivationFormat::int8});
  expect_near_integers({.weights = WeightFormat::int4, .activations = ActivationFormat::real});
  Options mixed{.weights = WeightFormat::int4, .activations = ActivationFormat::int8};
  mixed.layers = {{"conv2", {WeightFormat::int8, 0}}, {"conv3", {WeightFormat::int4, 128}}};
  expect_near_integers(mixed);
}

TEST(Simulate, of_float_formats_changes_nothing) {
  const auto graph = test::small_classifier().graph();
  ASSERT_TRUE(graph);
  const auto simulated = simulate(*graph, {}, {.weights = WeightFormat::fp32, .activations = ActivationFormat::real});
  ASSERT_TRUE(simulated);
  const auto inputs = test::noise_inputs(*graph);
  EXPECT_EQ(test::run_floats(*graph, inputs).value(), test::run_floats(*simulated, inputs).value());
}

}  // namespace
}  // namespace nibble::search

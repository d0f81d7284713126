// Whole networks: errors against rounding to nearest, propagation, determinism, the cache's limits, the integer file.
#include "converter/rounding/round_network.h"

#include <gtest/gtest.h>

#include "converter/rounding/network_parts.h"
#include "converter/rounding/sample_cache.h"
#include "converter/rounding/shared_layers.h"
#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

using namespace rounding;

// conv -> relu -> depthwise -> 1x1 -> + (first conv) -> 1x1 of 1x1's sum
Graph residual_net() {
  Graph graph;
  const TensorId x = add_input(graph, {1, 8, 10, 10});
  Conv2d conv{1, 1, 1, 1, 1, 1, 1, 1, 1, {UnaryKind::relu, 0, 0}, {}};
  const TensorId a = add_layer(graph, "conv", conv, x, {32, 8, 3, 3}, 1, 0.2f);
  conv.groups = 32;
  const TensorId b = add_layer(graph, "depthwise", conv, a, {32, 1, 3, 3}, 3, 0.4f);
  const TensorId c = add_layer(graph, "project", Conv2d{}, b, {32, 32, 1, 1}, 5, 0.3f);
  EXPECT_TRUE(graph.add_node("sum", Binary{.kind = BinaryKind::add}, {c, a}));
  const TensorId sum = graph.nodes.back().outputs[0];
  add_layer(graph, "last", Conv2d{}, sum, {16, 32, 1, 1}, 7, 0.2f);
  return graph;
}

SampleFeed feed(size_t count, uint32_t seed) {
  SampleFeed out;
  out.count = count;
  out.dims = [](size_t) -> Result<DimBindings> { return DimBindings{}; };
  out.inputs = [seed](const Graph& bound, size_t i) -> Result<std::vector<reference::FloatValue>> {
    NBL_TRY(reference::FloatValue x, reference::make_value<float>(bound.desc(bound.inputs[0])));
    x.real = noise(x.real.size(), seed + static_cast<uint32_t>(i));
    for (size_t k = 1; k < x.real.size(); ++k) x.real[k] = 0.7f * x.real[k - 1] + 0.5f * x.real[k];
    return std::vector<reference::FloatValue>{x};
  };
  return out;
}

quantization::Ranges ranges_of(const Graph& graph, const SampleFeed& samples) {
  quantization::Ranges out;
  auto executor = make_cpu_executor(graph).value();
  for (size_t i = 0; i < samples.count; ++i) {
    EXPECT_TRUE(executor->run(samples.inputs(graph, i).value(), [&](TensorId id, std::span<const float> v) {
      quantization::Range& r = out[id];
      for (float f : v) r = {std::min(r.low, f), std::max(r.high, f)};
    }));
  }
  return out;
}

// Mean squared error of the integer network's output on samples that rounding did not see.
double error_of(const Graph& graph, const quantization::Ranges& ranges, const quantization::Options& options) {
  const auto quantized = quantization::quantize(graph, ranges, options);
  EXPECT_TRUE(quantized) << quantized.error().message;
  if (!quantized) return 1e9;
  auto original = make_cpu_executor(graph).value();
  auto integer = make_cpu_executor(quantized->graph).value();
  const SampleFeed held_out = feed(6, 900);
  double sum = 0, count = 0;
  for (size_t i = 0; i < held_out.count; ++i) {
    const auto a = original->run(held_out.inputs(graph, i).value(), {}),
               b = integer->run(held_out.inputs(graph, i).value(), {});
    EXPECT_TRUE(a && b);
    for (size_t k = 0; k < (*a)[0].real.size(); ++k) {
      sum += std::pow(static_cast<double>((*a)[0].real[k]) - static_cast<double>((*b)[0].real[k]), 2.0);
      ++count;
    }
  }
  return sum / count;
}

quantization::Options with_weights(quantization::WeightFormat weights) { return {.weights = weights}; }

TEST(round_network, loses_less_with_every_step_of_the_recipe) {
  const Graph graph = residual_net();
  const SampleFeed samples = feed(40, 1);
  const quantization::Ranges ranges = ranges_of(graph, samples);
  for (const auto format : {quantization::WeightFormat::int4, quantization::WeightFormat::int8}) {
    quantization::Options options = with_weights(format);
    const double nearest = error_of(graph, ranges, options);
    NetworkOptions alone, propagated;
    alone.layer.propagate = false;
    const auto first = round_network(graph, ranges, options, samples, alone);
    const auto second = round_network(graph, ranges, options, samples, propagated);
    ASSERT_TRUE(first && second) << (first ? second.error().message : first.error().message);
    EXPECT_EQ(first->layers.size(), 4u);
    EXPECT_EQ(second->layers.size(), 4u);
    options.rounded = first->layers;
    const double layerwise = error_of(graph, ranges, options);
    options.rounded = second->layers;
    const double best = error_of(graph, ranges, options);
    if (format == quantization::WeightFormat::int4) {
      EXPECT_LT(layerwise, 0.7 * nearest);
      EXPECT_LT(best, 0.95 * layerwise);
    } else {
      EXPECT_LT(best, nearest);  // what is left is the activations' rounding
    }
  }
}

// conv -> three convs with one tensor of weights, at three levels -> 1x1
Graph tied_net() {
  Graph graph;
  const TensorId x = add_input(graph, {1, 8, 10, 10});
  const Conv2d conv{1, 1, 1, 1, 1, 1, 1, 1, 1, {UnaryKind::relu, 0, 0}, {}};
  TensorId at = add_layer(graph, "first", conv, x, {16, 8, 3, 3}, 1, 0.2f);
  const TensorId w = add_noise(graph, "w", {16, 16, 3, 3}, 3, 0.15f);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_TRUE(graph.add_node(name, conv, {at, w, add_noise(graph, name, {16}, static_cast<uint32_t>(*name), 0.3f)}));
    at = graph.nodes.back().outputs[0];
  }
  add_layer(graph, "last", Conv2d{}, at, {16, 16, 1, 1}, 7, 0.2f);
  return graph;
}

TEST(round_network, rounds_equal_weights_once) {
  const Graph graph = tied_net();
  const SampleFeed samples = feed(40, 1);
  const quantization::Ranges ranges = ranges_of(graph, samples);
  for (const auto format : {quantization::WeightFormat::int4, quantization::WeightFormat::int8}) {
    for (const bool propagate : {false, true}) {
      quantization::Options options = with_weights(format);
      const double nearest = error_of(graph, ranges, options);
      NetworkOptions network;
      network.layer.propagate = propagate;
      network.cache_bytes = propagate ? size_t{256} << 20 : 1;  // a pass for every layer: sums outlast it
      const auto rounded = round_network(graph, ranges, options, samples, network);
      ASSERT_TRUE(rounded) << rounded.error().message;
      ASSERT_EQ(rounded->layers.size(), 5u);
      const quantization::RoundedLayer& a = rounded->layers.at("a");
      for (const char* name : {"b", "c"}) {
        const quantization::RoundedLayer& other = rounded->layers.at(name);
        EXPECT_EQ(other.weights.values, a.weights.values) << name;
        EXPECT_EQ(other.weights.scales, a.weights.scales) << name;
        EXPECT_EQ(other.weights.multipliers, a.weights.multipliers) << name;
        EXPECT_NE(other.bias, a.bias) << name;
      }
      options.rounded = rounded->layers;
      EXPECT_LT(error_of(graph, ranges, options), nearest) << propagate;
    }
  }
}

TEST(shared_layers, centre_each_reader_on_its_own_mean) {
  // Two readers of one input channel whose values differ by a constant: nothing of it is left but the variance.
  statistics::LayerMoments low = statistics::make_layer_moments(1, 1, 1), high = low;
  for (const double v : {-1.0, 1.0}) {
    low.count = high.count += 1;
    low.gram[0] += v * v, low.sum[0] += v;
    high.gram[0] += (v + 10.0) * (v + 10.0), high.sum[0] += v + 10.0;
  }
  const std::vector<float> w{0.5f};
  for (const bool centred : {true, false}) {
    SharedLayers layers(centred);
    layers.add({1, 1, 1, 1, w, {0.0f}}, low);
    layers.add({1, 1, 1, 1, w, {1.0f}}, high);
    EXPECT_EQ(layers.moments().count, 4u);
    EXPECT_DOUBLE_EQ(layers.moments().gram[0], centred ? 4.0 : 4.0 + 200.0);
    EXPECT_DOUBLE_EQ(layers.moments().sum[0], centred ? 0.0 : 20.0);
    Options options;
    options.bias_correction = centred;
    const auto results = layers.round(options);
    ASSERT_TRUE(results) << results.error().message;
    ASSERT_EQ(results->size(), 2u);
    const float error = 0.5f - quantization::dequantize((*results)[0].layer.weights)[0];
    EXPECT_FLOAT_EQ((*results)[0].layer.bias[0], 0.0f);
    EXPECT_FLOAT_EQ((*results)[1].layer.bias[0], centred ? 1.0f + 10.0f * error : 1.0f);
  }
}

TEST(round_network, gives_the_same_bytes_whatever_the_threads_and_the_cache) {
  const Graph graph = residual_net();
  const SampleFeed samples = feed(9, 1);
  const quantization::Ranges ranges = ranges_of(graph, samples);
  const quantization::Options options = with_weights(quantization::WeightFormat::int4);
  NetworkOptions usual, one, none, little;
  one.layer.threads = 1;
  none.cache_bytes = 0;
  little.cache_bytes = 100000;  // some of the samples fit
  const auto expected = round_network(graph, ranges, options, samples, usual);
  ASSERT_TRUE(expected) << expected.error().message;
  for (const NetworkOptions& other : {one, none, little}) {
    const auto actual = round_network(graph, ranges, options, samples, other);
    ASSERT_TRUE(actual) << actual.error().message;
    for (const auto& [name, layer] : expected->layers) {
      EXPECT_EQ(actual->layers.at(name).weights.values, layer.weights.values) << name;
      EXPECT_EQ(actual->layers.at(name).weights.scales, layer.weights.scales) << name;
      EXPECT_EQ(actual->layers.at(name).bias, layer.bias) << name;
    }
  }
}

TEST(round_network, takes_rows_too_long_for_second_moments) {
  const int64_t row = statistics::kLongestRowWithPairs + 12;
  Graph graph;
  const TensorId x = add_input(graph, {1, row});
  add_layer(graph, "wide", Linear{}, x, {12, row}, 1, 0.05f);
  const SampleFeed samples = feed(40, 1);
  const quantization::Ranges ranges = ranges_of(graph, samples);
  for (const bool propagate : {false, true}) {
    quantization::Options options = with_weights(quantization::WeightFormat::int4);
    const double nearest = error_of(graph, ranges, options);
    NetworkOptions network;
    network.layer.propagate = propagate;
    const auto rounded = round_network(graph, ranges, options, samples, network);
    ASSERT_TRUE(rounded) << rounded.error().message;
    options.rounded = rounded->layers;
    EXPECT_LT(error_of(graph, ranges, options), 1.02 * nearest);
  }
  const auto moments = statistics::gather(graph, {0}, {}, samples, 0, {}, {});
  ASSERT_TRUE(moments) << moments.error().message;
  EXPECT_EQ(moments->layers.at(0).gram.size(), static_cast<size_t>(row));  // not its square
  double sum = 0.0;
  for (size_t k = 0; k < samples.count; ++k) {
    const float v = samples.inputs(graph, k).value()[0].real[7];
    sum += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(moments->layers.at(0).square(0, 7), sum, 1e-6 * sum);
}

TEST(round_network, simulates_what_the_integer_network_computes) {
  // The float graph with rounded weights and quantized activations against the integer graph: the same values but for
  // ties and the rounding of biases, which may differ by one step and then little more.
  const Graph graph = residual_net();
  const SampleFeed samples = feed(20, 1);
  const quantization::Ranges ranges = ranges_of(graph, samples);
  quantization::Options options = with_weights(quantization::WeightFormat::int4);
  const auto rounded = round_network(graph, ranges, options, samples, {});
  ASSERT_TRUE(rounded);
  options.rounded = rounded->layers;
  const auto integer = quantization::quantize(graph, ranges, options);
  ASSERT_TRUE(integer);
  Graph simulated = graph;
  for (Node& node : simulated.nodes) {
    const auto found = rounded->layers.find(node.name);
    if (found == rounded->layers.end()) continue;
    const auto w = quantization::dequantize(found->second.weights);
    node.inputs[1] = simulated.add_constant(simulated.desc(node.inputs[1]), ConstantData::of(w));
    node.inputs[2] = simulated.add_constant(simulated.desc(node.inputs[2]), ConstantData::of(found->second.bias));
  }
  const StoredScales scales = stored_scales(graph, ranges, options);
  auto a = make_cpu_executor(simulated, 1, false, quantizing_editor(scales)).value();
  auto b = make_cpu_executor(integer->graph).value();
  const auto x = samples.inputs(graph, 3).value();
  const auto y = a->run(x, {}), z = b->run(x, {});
  ASSERT_TRUE(y && z);
  const float step = scales[static_cast<size_t>(graph.outputs[0])]->scale;
  size_t equal = 0;
  for (size_t i = 0; i < (*y)[0].real.size(); ++i) {
    const float difference = std::abs((*y)[0].real[i] - (*z)[0].real[i]);
    EXPECT_LT(difference, 2.5f * step);
    equal += difference < 0.1f * step ? 1 : 0;
  }
  EXPECT_GT(equal, (*y)[0].real.size() * 9 / 10);
}

TEST(round_network, needs_samples_and_names_the_tensor_that_holds_nan) {
  const Graph graph = residual_net();
  const quantization::Options options = with_weights(quantization::WeightFormat::int4);
  const quantization::Ranges ranges = ranges_of(graph, feed(2, 1));
  EXPECT_FALSE(round_network(graph, ranges, options, feed(0, 1), {}));
  SampleFeed broken = feed(3, 1);
  broken.inputs = [good = broken.inputs](const Graph& bound, size_t i) -> Result<std::vector<reference::FloatValue>> {
    NBL_TRY(std::vector<reference::FloatValue> x, good(bound, i));
    if (i == 2) x[0].real[5] = std::numeric_limits<float>::infinity();
    return x;
  };
  const auto result = round_network(graph, ranges, options, broken, {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("'x'"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("sample 2"), std::string::npos) << result.error().message;
}

TEST(round_network_without_data, is_better_than_nearest_by_its_own_norm) {
  const Graph graph = residual_net();
  const quantization::Options options = with_weights(quantization::WeightFormat::int4);
  const RoundedNetwork rounded = round_network_without_data(graph, options);
  const auto w = graph.tensor(graph.nodes[2].inputs[1]).constant->as<float>();
  const auto loss = [&](const quantization::QuantizedWeights& q) {
    const std::vector<float> real = quantization::dequantize(q);
    double sum = 0;
    for (size_t i = 0; i < real.size(); ++i)
      sum += std::pow(std::abs(static_cast<double>(real[i]) - static_cast<double>(w[i])), 0.7);
    return sum;
  };
  // The steps are then rounded to multipliers.
  EXPECT_LE(loss(rounded.layers.at("project").weights), 1.005 * loss(quantization::round_int4(w, 32, 32, 1, 32)));
}

TEST(network_parts, end_and_begin_at_the_frontier) {
  const Graph graph = residual_net();
  const Levels levels = find_levels(graph, {0, 1, 2, 4});
  EXPECT_EQ(levels.last, 3);
  const TensorId a = graph.nodes[0].outputs[0], b = graph.nodes[1].outputs[0], sum = graph.nodes[3].outputs[0];
  EXPECT_EQ(frontier(graph, levels, 0), (std::vector<TensorId>{graph.inputs[0]}));
  EXPECT_EQ(frontier(graph, levels, 1), (std::vector<TensorId>{a}));
  EXPECT_EQ(frontier(graph, levels, 2), (std::vector<TensorId>{a, b}));
  EXPECT_EQ(frontier(graph, levels, 3), (std::vector<TensorId>{sum}));
  const Graph part = cut(graph, levels, 1, 3);
  EXPECT_EQ(part.inputs, (std::vector<TensorId>{a}));
  EXPECT_EQ(part.outputs, (std::vector<TensorId>{sum}));
  EXPECT_EQ(part.nodes.size(), 3u);
  EXPECT_EQ(added_to(graph, graph.nodes[2]), a);
  EXPECT_EQ(added_to(graph, graph.nodes[0]), kNoTensor);
}

TEST(sample_cache, gives_back_what_it_keeps_and_no_more_than_fits) {
  StoredScales scales(2);
  scales[1] = quantization::ActivationQuant{0.5f, -3, -127, 127};
  reference::FloatValue value;
  value.desc.type = DType::f32;
  value.real = {0.5f, -1.0f, 60.0f, 0.0f};
  const SampleTensors tensors{{1, value}};
  SampleCache cache(2, 20, scales);  // 16 bytes of floats and 4 of integers
  cache.store(0, 2, tensors, tensors);
  cache.store(1, 2, tensors, tensors);
  EXPECT_EQ(cache.level(0), 2);
  EXPECT_EQ(cache.level(1), -1);
  SampleTensors original, quantized;
  cache.load(0, original, quantized);
  EXPECT_EQ(original.at(1).real, value.real);
  EXPECT_EQ(quantized.at(1).real, value.real);
  cache.store(0, 5, {}, {});
  cache.store(1, 5, tensors, tensors);
  EXPECT_EQ(cache.level(0), 5);
  EXPECT_EQ(cache.level(1), 5);
}

}  // namespace
}  // namespace nibble::test

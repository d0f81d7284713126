// Whether a stored network still does what the float one does.
#include "converter/report/fidelity.h"

#include "converter/execute/executor.h"
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using report::Fidelity;
using report::Verdict;

OnnxBuilder classifier() {
  OnnxBuilder b(13);
  Floats second = noise(10 * 16, 5);
  b.input("x", {"1", "12"}).output("y").floats("w", {16, 12}, noise(16 * 12, 3)).floats("v", {10, 16}, second);
  b.node("Gemm", {"x", "w"}, {"h"}, {{"transB", int64_t{1}}}, "first").node("Relu", {"h"}, {"r"});
  b.node("Gemm", {"r", "v"}, {"y"}, {{"transB", int64_t{1}}}, "second");
  return b;
}

Fidelity compared(const Graph& original, const Graph& stored, uint32_t samples, float scale = 1.0f) {
  Fidelity fidelity(original, stored, {});
  auto a = make_cpu_executor(bind_dims(original, {}).value());
  auto b = make_cpu_executor(bind_dims(stored, {}).value(), 1, true);
  EXPECT_TRUE(a && b);
  for (uint32_t i = 0; i < samples; ++i) {
    reference::FloatValue value = reference::make_value<float>((*a)->graph().desc((*a)->graph().inputs[0])).value();
    value.real = noise(value.real.size(), 100 + i);
    for (float& v : value.real) v *= scale;
    const Status status = fidelity.add(**a, **b, {value});
    EXPECT_TRUE(status) << status.error().message;
  }
  return fidelity;
}

TEST(fidelity, the_same_network_is_fine) {
  const auto graph = classifier().graph();
  ASSERT_TRUE(graph);
  const Fidelity f = compared(*graph, *graph, 8);
  EXPECT_TRUE(f.decides());
  EXPECT_EQ(f.samples(), 8u);
  EXPECT_EQ(f.agreement().hits, 8u);
  EXPECT_EQ(f.verdict(), Verdict::fine);
  EXPECT_EQ(*f.sqnr_db(), report::kMostDecibels);
}

TEST(fidelity, int8_is_fine_and_every_layer_is_measured) {
  const QuantizedNet net = quantize_net(classifier());
  const Fidelity f = compared(net.original, net.quantized.graph, 16, 0.9f);
  EXPECT_EQ(f.verdict(), Verdict::fine) << f.summary();
  const auto layers = f.layers();
  EXPECT_GE(layers.size(), 3u);  // the input and both layers, which lie as integers
  for (const auto& layer : layers) EXPECT_GT(layer.sums.sqnr_db().value_or(0), 15.0) << layer.name;
  const auto interval = f.sqnr_interval();
  ASSERT_TRUE(interval);
  EXPECT_LE(interval->low, *f.sqnr_db());
  EXPECT_GE(interval->high, *f.sqnr_db());
  EXPECT_LT(interval->low, interval->high);
}

TEST(fidelity, another_network_collapses_and_the_layer_is_named) {
  const auto graph = classifier().graph();
  ASSERT_TRUE(graph);
  Graph turned = *graph;
  for (Tensor& t : turned.tensors) {
    if (!t.is_constant() || t.desc.shape.size() != 2 || !(t.desc.shape[0] == Dim(10))) continue;
    std::vector<float> values(t.constant->as<float>().begin(), t.constant->as<float>().end());
    for (float& v : values) v = -v;
    t.constant = ConstantData::of(values);
  }
  const Fidelity f = compared(*graph, turned, 32);
  EXPECT_EQ(f.verdict(), Verdict::collapsed) << f.summary();
  EXPECT_NE(f.summary().find("floor 50 %"), std::string::npos) << f.summary();
  EXPECT_NE(f.summary().find("most noise comes from Linear 'y'"), std::string::npos) << f.summary();
}

TEST(fidelity, ranges_from_the_wrong_data_collapse) {
  auto graph = classifier().graph();
  ASSERT_TRUE(graph);
  ASSERT_TRUE(passes::run(*graph, {.integer_activations = true}));
  quantization::Ranges ranges = noise_ranges(*graph);
  for (auto& [id, range] : ranges) range = {range.low * 1e4f, range.high * 1e4f};
  const auto stored = quantization::quantize(*graph, ranges, {});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(compared(*graph, stored->graph, 32).verdict(), Verdict::collapsed);
}

TEST(fidelity, an_output_that_never_changes_has_collapsed_whatever_it_agrees_with) {
  const auto graph = classifier().graph();
  ASSERT_TRUE(graph);
  Graph dead = *graph;
  for (Tensor& t : dead.tensors) {
    if (!t.is_constant() || t.desc.shape.size() != 2) continue;
    t.constant = ConstantData::of(std::vector<float>(t.constant->as<float>().size(), 0.0f));
  }
  const Fidelity f = compared(*graph, dead, 8);
  EXPECT_EQ(f.verdict(), Verdict::collapsed);
  EXPECT_NE(f.summary().find("the same output"), std::string::npos) << f.summary();
}

TEST(fidelity, not_a_number_is_a_collapse_in_the_result_and_an_error_in_the_original) {
  const auto graph = classifier().graph();
  ASSERT_TRUE(graph);
  Graph broken = *graph;
  for (Tensor& t : broken.tensors) {
    if (!t.is_constant() || t.desc.shape.size() != 2) continue;
    std::vector<float> values(t.constant->as<float>().begin(), t.constant->as<float>().end());
    values[0] = std::numeric_limits<float>::quiet_NaN();
    t.constant = ConstantData::of(values);
  }
  EXPECT_EQ(compared(*graph, broken, 4).verdict(), Verdict::collapsed);
  Fidelity f(broken, *graph, {});
  auto a = make_cpu_executor(broken), b = make_cpu_executor(*graph);
  reference::FloatValue value = reference::make_value<float>(graph->desc(graph->inputs[0])).value();
  value.real = noise(value.real.size(), 7);
  const Status status = f.add(**a, **b, {value});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("float network itself"), std::string::npos) << status.error().message;
}

TEST(fidelity, channels_that_never_change_are_counted) {
  OnnxBuilder b(13);
  Floats w = noise(16 * 12, 3);
  for (size_t i = 0; i < 3 * 12; ++i) w[i] = 0.0f;
  b.input("x", {"1", "12"}).output("y").floats("w", {16, 12}, w).floats("v", {10, 16}, noise(160, 5));
  b.node("Gemm", {"x", "w"}, {"h"}, {{"transB", int64_t{1}}}, "first");
  b.node("Gemm", {"h", "v"}, {"y"}, {{"transB", int64_t{1}}}, "second");
  const auto graph = b.graph();
  ASSERT_TRUE(graph);
  const auto constant = compared(*graph, *graph, 4).constant_channels();
  ASSERT_EQ(constant.size(), 1u);
  EXPECT_EQ(constant[0].tensor, graph->desc(graph->nodes[0].outputs[0]).name);
  EXPECT_EQ(constant[0].constant, 3);
  EXPECT_EQ(constant[0].channels, 16);
}

// The stored network lacks channel 2 of the hidden layer and holds the others divided by their factors.
TEST(fidelity, removed_and_scaled_channels_are_compared_with_the_ones_they_come_from) {
  const auto net = [](const std::vector<size_t>& kept, const Floats& factors) {
    const Floats w = noise(16 * 12, 3), v = noise(10 * 16, 5);
    const auto hidden = static_cast<int64_t>(kept.size());
    Floats w_kept, v_kept;
    for (size_t k = 0; k < kept.size(); ++k) {
      for (size_t i = 0; i < 12; ++i) w_kept.push_back(w[kept[k] * 12 + i] / factors[k]);
    }
    for (size_t o = 0; o < 10; ++o) {
      for (size_t k = 0; k < kept.size(); ++k) v_kept.push_back(kept[k] == 2 ? 0.0f : v[o * 16 + kept[k]] * factors[k]);
    }
    OnnxBuilder b(13);
    b.input("x", {"1", "12"}).output("y").floats("w", {hidden, 12}, w_kept).floats("v", {10, hidden}, v_kept);
    b.node("Gemm", {"x", "w"}, {"h"}, {{"transB", int64_t{1}}}, "first").node("Relu", {"h"}, {"r"});
    b.node("Gemm", {"r", "v"}, {"y"}, {{"transB", int64_t{1}}}, "second");
    return b.graph().value();
  };
  std::vector<size_t> all, kept;
  std::vector<int64_t> left;
  Floats factors;
  for (size_t i = 0; i < 16; ++i) {
    all.push_back(i);
    if (i == 2) continue;
    kept.push_back(i);
    left.push_back(static_cast<int64_t>(i));
    factors.push_back(i % 2 == 0 ? 0.5f : 4.0f);
  }
  const Graph original = net(all, Floats(16, 1.0f));
  Graph stored = net(kept, factors);
  for (Tensor& t : stored.tensors) {
    if (t.desc.name == "r") t.desc.name += ":equalized";
  }
  const auto layer_sqnr = [&](std::map<std::string, report::StoredChannels> channels) -> std::optional<double> {
    Fidelity f(original, stored, {}, std::move(channels));
    auto a = make_cpu_executor(bind_dims(original, {}).value());
    auto b = make_cpu_executor(bind_dims(stored, {}).value(), 1, true);
    reference::FloatValue value = reference::make_value<float>((*a)->graph().desc((*a)->graph().inputs[0])).value();
    value.real = noise(value.real.size(), 100);
    EXPECT_TRUE(f.add(**a, **b, {value}));
    for (const auto& layer : f.layers()) {
      if (layer.name == "r") return layer.sums.sqnr_db();
    }
    return {};
  };
  EXPECT_FALSE(layer_sqnr({}));  // nothing to compare with
  const auto right = layer_sqnr({{"r", {left, factors}}});
  ASSERT_TRUE(right);
  EXPECT_GT(*right, 100.0);
  for (float& f : factors) f *= 2.0f;  // wrong factors show
  const auto wrong = layer_sqnr({{"r", {left, factors}}});
  ASSERT_TRUE(wrong);
  EXPECT_LT(*wrong, 30.0);
}

}  // namespace
}  // namespace nibble::test

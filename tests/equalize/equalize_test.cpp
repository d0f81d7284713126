// Equalised networks compute what they did, and what was scaled apart can be told apart by fewer bits.
#include "converter/equalize/equalize.h"

#include <cmath>

#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using equalize::ChannelClasses;

Graph graph_of(const OnnxBuilder& builder) {
  auto graph = builder.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  EXPECT_TRUE(passes::run(*graph, {.integer_activations = true}));
  return std::move(*graph);
}

// Every other output channel of weights [outputs, row] a hundred times smaller: what one scale cannot hold.
std::vector<float> uneven(size_t outputs, size_t row, int seed) {
  std::vector<float> w = noise(outputs * row, seed);
  for (size_t i = 0; i < w.size(); ++i) w[i] *= i / row % 2 ? 0.01f : 1.0f;
  return w;
}

// And the columns that read them a hundred times larger, so that they matter.
std::vector<float> uneven_columns(size_t outputs, size_t inputs, size_t kernel, int seed) {
  std::vector<float> w = noise(outputs * inputs * kernel, seed);
  for (size_t i = 0; i < w.size(); ++i) w[i] *= i / kernel % inputs % 2 ? 100.0f : 1.0f;
  return w;
}

const std::vector<int64_t> kSame{1, 1, 1, 1};

// Conv -> ReLU -> depthwise -> ReLU -> Conv
OnnxBuilder chain() {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y");
  b.floats("w1", {8, 3, 3, 3}, uneven(8, 27, 1)).floats("b1", {8}, uneven(8, 1, 2));
  b.floats("w2", {8, 1, 3, 3}, noise(72, 3)).floats("b2", {8}, uneven(8, 1, 4));
  b.floats("w3", {5, 8, 1, 1}, uneven_columns(5, 8, 1, 5));
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", kSame}}).node("Relu", {"c1"}, {"r1"});
  b.node("Conv", {"r1", "w2", "b2"}, {"c2"}, {{"pads", kSame}, {"group", int64_t{8}}}).node("Relu", {"c2"}, {"r2"});
  b.node("Conv", {"r2", "w3"}, {"y"});
  return b;
}

// Convolutions around a residual sum, a join, poolings and a Linear.
OnnxBuilder branches() {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y");
  b.floats("w1", {4, 3, 3, 3}, uneven(4, 27, 1)).floats("b1", {4}, uneven(4, 1, 2));
  b.floats("w2", {4, 4, 3, 3}, uneven(4, 36, 3));
  b.floats("w3", {6, 4, 1, 1}, uneven_columns(6, 4, 1, 4));
  b.floats("w4", {5, 40}, noise(200, 5)).floats("b4", {5}, noise(5, 6));
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", kSame}}).node("Relu", {"c1"}, {"r1"});
  b.node("Conv", {"r1", "w2"}, {"c2"}, {{"pads", kSame}}).node("Add", {"c2", "r1"}, {"sum"});
  b.node("Relu", {"sum"}, {"r2"}).node("Conv", {"r2", "w3"}, {"c3"}).node("Relu", {"c3"}, {"r3"});
  b.node("Concat", {"r3", "r2"}, {"join"}, {{"axis", int64_t{1}}});
  b.node("MaxPool", {"join"}, {"pool"},
         {{"kernel_shape", std::vector<int64_t>{4, 4}}, {"strides", std::vector<int64_t>{4, 4}}});
  b.node("Flatten", {"pool"}, {"flat"}).node("Gemm", {"flat", "w4", "b4"}, {"y"}, {{"transB", int64_t{1}}});
  return b;
}

// Conv -> Sigmoid -> Mul (SiLU) -> depthwise -> Conv
OnnxBuilder functions() {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y");
  b.floats("w1", {8, 3, 3, 3}, uneven(8, 27, 1)).floats("b1", {8}, uneven(8, 1, 2));
  b.floats("w2", {8, 1, 3, 3}, noise(72, 3)).floats("w3", {5, 8, 1, 1}, uneven_columns(5, 8, 1, 5));
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", kSame}}).node("Sigmoid", {"c1"}, {"s1"});
  b.node("Mul", {"c1", "s1"}, {"m1"});
  b.node("Conv", {"m1", "w2"}, {"c2"}, {{"pads", kSame}, {"group", int64_t{8}}}).node("Conv", {"c2", "w3"}, {"y"});
  return b;
}

// SiLU of a tensor that an Add reads too: as its first operand, or as its second.
OnnxBuilder function_beside_a_sum(bool first) {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y");
  b.floats("w1", {8, 3, 3, 3}, uneven(8, 27, 1)).floats("b1", {8}, uneven(8, 1, 2));
  b.floats("w2", {8, 8, 3, 3}, noise(576, 3)).floats("w3", {5, 8, 1, 1}, uneven_columns(5, 8, 1, 5));
  b.node("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", kSame}}).node("Sigmoid", {"c1"}, {"s1"});
  b.node("Mul", {"c1", "s1"}, {"m1"}).node("Conv", {"m1", "w2"}, {"c2"}, {{"pads", kSame}});
  b.node("Add", first ? std::vector<std::string>{"c1", "c2"} : std::vector<std::string>{"c2", "c1"}, {"sum"});
  b.node("Conv", {"sum", "w3"}, {"y"});
  return b;
}

std::vector<equalize::Equalized> equalized(Graph& graph, equalize::Options options = {}) {
  equalize::ChannelRanges ranges(graph);
  const TensorObserver observe = ranges.observer();
  reference::RunOptions run;
  run.observer = [&](TensorId id, const reference::Value& value) {
    const std::vector<float> values(value.real.begin(), value.real.end());
    if (!values.empty()) observe(id, values);
  };
  const Graph bound = bind_dims(graph, {}).value();
  reference::ValueMap inputs;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    reference::Value value = reference::make_value<double>(bound.desc(bound.inputs[i])).value();
    const Floats noise = noise_inputs(graph)[i];
    value.real.assign(noise.begin(), noise.end());
    inputs.emplace(bound.inputs[i], std::move(value));
  }
  EXPECT_TRUE(reference::run(bound, std::move(inputs), run));
  auto done = equalize::equalize(graph, ranges, options);
  EXPECT_TRUE(done) << done.error().message;
  return done ? *done : std::vector<equalize::Equalized>{};
}

double largest_difference(const Graph& a, const Graph& b) {
  const auto x = run_floats(a, noise_inputs(a)), y = run_floats(b, noise_inputs(b));
  EXPECT_TRUE(x && y);
  double most = 0.0, worst = 0.0;
  for (size_t k = 0; k < x->size(); ++k) {
    for (size_t i = 0; i < (*x)[k].size(); ++i) {
      most = std::max(most, static_cast<double>(std::abs((*x)[k][i])));
      worst = std::max(worst, static_cast<double>(std::abs((*x)[k][i] - (*y)[k][i])));
    }
  }
  return worst / most;
}

TEST(equalize, leaves_what_a_network_computes) {
  for (const OnnxBuilder& builder : {chain(), branches(), functions()}) {
    const Graph before = graph_of(builder);
    Graph after = before;
    equalize::Options options;
    options.classes.behind_functions = true;
    EXPECT_FALSE(equalized(after, options).empty()) << dump_text(before);
    EXPECT_LT(largest_difference(before, after), 2e-6) << dump_text(after);
    EXPECT_EQ(after.desc(after.outputs[0]).name, "y");
  }
}

TEST(equalize, leaves_alone_what_others_read_too) {
  for (const bool first : {true, false}) {
    const Graph before = graph_of(function_beside_a_sum(first));
    Graph after = before;
    equalize::Options options;
    options.classes.behind_functions = true;
    equalized(after, options);
    EXPECT_LT(largest_difference(before, after), 2e-6) << dump_text(after);
  }
}

TEST(equalize, does_it_twice_for_nothing) {
  Graph graph = graph_of(chain());
  EXPECT_FALSE(equalized(graph).empty());
  equalize::Options strict;
  strict.worthwhile = 0.5;
  EXPECT_TRUE(equalized(graph, strict).empty());
}

TEST(equalize, lowers_the_error_of_int8_networks) {
  for (const OnnxBuilder& builder : {chain(), branches(), functions()}) {
    const Graph original = graph_of(builder);
    const auto error = [&](const Graph& graph) {
      auto quantized = quantization::quantize(graph, noise_ranges(graph), {});
      EXPECT_TRUE(quantized) << quantized.error().message;
      return largest_difference(original, quantized->graph);
    };
    Graph scaled = original;
    equalize::Options options;
    options.classes.behind_functions = true;
    equalized(scaled, options);
    EXPECT_LT(error(scaled), 0.6 * error(original)) << dump_text(scaled);
  }
}

TEST(equalize, leaves_functions_alone_unless_asked) {
  Graph graph = graph_of(functions());
  for (const equalize::Equalized& e : equalized(graph)) EXPECT_FALSE(e.behind_function);
  EXPECT_EQ(count_of(graph, "Binary"), 0u) << dump_text(graph);
}

TEST(equalize, makes_one_table_of_a_function_and_the_factors_around_it) {
  Graph graph = graph_of(functions());
  equalize::Options options;
  options.classes.behind_functions = true;
  equalized(graph, options);
  EXPECT_EQ(count_of(graph, "Binary"), 2u) << dump_text(graph);
  auto quantized = quantization::quantize(graph, noise_ranges(graph), {});
  ASSERT_TRUE(quantized) << quantized.error().message;
  EXPECT_EQ(count_of(quantized->graph, "Binary"), 0u);
  ASSERT_EQ(count_of(quantized->graph, "Unary"), 1u) << dump_text(quantized->graph);
  for (const Node& node : quantized->graph.nodes) {
    if (op_if<Unary>(node)) {
      EXPECT_EQ(quantized->graph.desc(node.inputs[1]).shape, (Shape{8, 256}));
    }
  }
}

TEST(equalize, scales_channels_in_front_of_a_normalization) {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y");
  std::vector<float> w1 = uneven(6, 27, 1);
  for (float& w : w1) w *= 100.0f;  // variances that epsilon is nothing to
  b.floats("w1", {6, 3, 3, 3}, w1).floats("s", {6}, noise(6, 2)).floats("b", {6}, noise(6, 3));
  b.floats("w2", {4, 6, 1, 1}, noise(24, 4));
  b.node("Conv", {"x", "w1"}, {"c1"}, {{"pads", kSame}}).node("InstanceNormalization", {"c1", "s", "b"}, {"n1"});
  b.node("Conv", {"n1", "w2"}, {"y"});
  const Graph before = graph_of(b);
  Graph after = before;
  bool norm_input = false;
  for (const equalize::Equalized& e : equalized(after)) norm_input = norm_input || e.tensor == "c1";
  EXPECT_TRUE(norm_input) << dump_text(after);
  EXPECT_LT(largest_difference(before, after), 1e-5);
}

TEST(equalize, leaves_weights_on_a_grid_on_it) {
  OnnxBuilder plain;
  plain.input("x", {"1", "3", "4", "4"}).output("y");
  std::vector<float> on_grid = noise(8 * 8, 7);
  for (float& w : on_grid) w = std::round(w * 60.0f) * 0.037f;
  plain.floats("w1", {8, 3, 1, 1}, noise(24, 6)).floats("w2", {8, 8, 1, 1}, on_grid);
  plain.node("Conv", {"x", "w1"}, {"c1"}).node("Relu", {"c1"}, {"r1"}).node("Conv", {"r1", "w2"}, {"y"});
  Graph graph = graph_of(plain);
  equalize::Options weights_only;
  weights_only.noise.integer_activations = false;
  EXPECT_TRUE(equalized(graph, weights_only).empty());
}

TEST(channel_classes, tie_what_an_addition_adds) {
  const Graph graph = graph_of(branches());
  const ChannelClasses classes = equalize::find_channel_classes(graph, {});
  const auto of = [&](const char* name) {
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      if (graph.tensors[i].desc.name == name) return classes.of_tensor[i];
    }
    ADD_FAILURE() << name << "\n" << dump_text(graph);
    return std::vector<int32_t>{};
  };
  EXPECT_EQ(of("c2"), of("r1"));
  EXPECT_EQ(of("r2"), of("r1"));
  ASSERT_EQ(of("join").size(), 10u);
  EXPECT_EQ(of("join")[6], of("r1")[0]);
  EXPECT_EQ(of("flat").size(), 40u);
  EXPECT_EQ(of("flat")[3], of("join")[0]);  // four pixels a channel
  for (int32_t c : of("x")) EXPECT_TRUE(classes.frozen[static_cast<size_t>(c)]);
  for (int32_t c : of("y")) EXPECT_TRUE(classes.frozen[static_cast<size_t>(c)]);
  for (int32_t c : of("r1")) EXPECT_FALSE(classes.frozen[static_cast<size_t>(c)]);
}

TEST(channel_classes, freeze_what_a_clip_or_an_output_sees) {
  OnnxBuilder b;
  b.input("x", {"1", "3", "4", "4"}).output("y").output("r1");
  b.floats("w1", {4, 3, 1, 1}, noise(12, 1)).floats("w2", {4, 4, 1, 1}, noise(16, 2));
  b.floats("w3", {4, 4, 1, 1}, noise(16, 3)).floats("low", {}, {0.0f}).floats("high", {}, {6.0f});
  b.node("Conv", {"x", "w1"}, {"c1"}).node("Relu", {"c1"}, {"r1"});
  b.node("Conv", {"r1", "w2"}, {"c2"}).node("Clip", {"c2", "low", "high"}, {"p2"}).node("Conv", {"p2", "w3"}, {"y"});
  Graph graph = graph_of(b);
  const ChannelClasses classes = equalize::find_channel_classes(graph, {});
  EXPECT_EQ(std::count(classes.frozen.begin(), classes.frozen.end(), false), 0) << dump_text(graph);
  EXPECT_TRUE(equalized(graph).empty());
}

TEST(equalize, leaves_weights_that_layers_share) {
  // Channels of c1 differ by orders of magnitude; their two readers have one tensor, which is to stay one.
  Floats uneven = noise(12, 1);
  for (size_t i = 0; i < uneven.size(); ++i)
    uneven[i] *= static_cast<float>(std::pow(10.0, static_cast<double>(i / 3)));
  for (const bool shared : {true, false}) {
    OnnxBuilder b;
    b.input("x", {"1", "3", "4", "4"}).output("y");
    b.floats("w1", {4, 3, 1, 1}, uneven)
        .floats("w", {4, 4, 1, 1}, noise(16, 2))
        .floats("v", {4, 4, 1, 1}, noise(16, 3));
    b.node("Conv", {"x", "w1"}, {"c1"}).node("Relu", {"c1"}, {"r1"}).node("Conv", {"r1", "w"}, {"c2"});
    b.node("Relu", {"c2"}, {"r2"}).node("Conv", {"r2", shared ? "w" : "v"}, {"y"});
    Graph graph = graph_of(b);
    EXPECT_EQ(equalized(graph).empty(), shared) << dump_text(graph);
  }
}

}  // namespace
}  // namespace nibble::test

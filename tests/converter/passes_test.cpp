// Each pass before and after: what the graph looks like, and that it still computes the same.
#include "converter/passes/pass.h"
#include "tests/converter/oracle_run.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {
namespace {

// Runs one pass (or all with nullptr) and checks that the results stay.
Graph after(const OnnxBuilder& builder, bool (*pass)(Graph&, const passes::Options&), double tolerance = 1e-5) {
  const auto before = builder.graph();
  EXPECT_TRUE(before) << before.error().message;
  if (!before) return {};
  Graph graph = *before;
  if (pass) {
    EXPECT_TRUE(pass(graph, {})) << "nothing changed:\n" << dump_text(graph);
  } else {
    const Status status = passes::run(graph, {});
    EXPECT_TRUE(status) << status.error().message;
  }
  const Status status = verify(graph);
  EXPECT_TRUE(status) << status.error().message << "\n" << dump_text(graph);
  std::vector<Floats> inputs;
  for (TensorId id : graph.inputs) {
    Floats values = noise(static_cast<size_t>(elements(graph.desc(id).shape).evaluate({})), 7);
    for (float& v : values) v *= 4.0f;
    inputs.push_back(std::move(values));
  }
  const auto expected = run_floats(*before, inputs), actual = run_floats(graph, inputs);
  EXPECT_TRUE(expected && actual);
  if (expected && actual) expect_close((*actual)[0], (*expected)[0], tolerance);
  EXPECT_EQ(graph.desc(graph.outputs[0]).name, "y");
  return graph;
}

OnnxBuilder picture() {
  OnnxBuilder b;
  b.input("x", {"1", "2", "5", "5"}).output("y").floats("w", {3, 2, 3, 3}, noise(54)).floats("b", {3}, noise(3, 2));
  b.floats("scale", {3}, {0.5f, -2, 3})
      .floats("shift", {3}, noise(3, 3))
      .floats("var", {3}, {0.25f, 1, 4})
      .floats("c", {3, 1, 1}, noise(3, 4));
  return b;
}

TEST(passes, fold_batch_normalization_and_bias_into_a_convolution) {
  auto b = picture();
  b.node("Conv", {"x", "w", "b"}, {"conv"})
      .node("BatchNormalization", {"conv", "scale", "shift", "shift", "var"}, {"bn"})
      .node("Add", {"bn", "c"}, {"y"});
  const Graph graph = after(b, nullptr, 1e-4);
  EXPECT_EQ(graph.nodes.size(), 1u) << dump_text(graph);
  EXPECT_EQ(count_of(graph, "Conv2d"), 1u);
}

TEST(passes, fold_scales_per_output_into_linear_but_not_per_row) {
  OnnxBuilder b;
  b.input("x", {"3", "4"}).output("y").floats("w", {4, 3}, noise(12)).floats("s", {3}, {2, 3, 4});
  b.node("MatMul", {"x", "w"}, {"m"}).node("Mul", {"m", "s"}, {"y"});
  EXPECT_EQ(after(b, passes::fold_affine).nodes.size(), 1u);
  OnnxBuilder rows;
  rows.input("x", {"3", "4"}).output("y").floats("w", {4, 3}, noise(12)).floats("s", {3, 1}, {2, 3, 4});
  rows.node("MatMul", {"x", "w"}, {"m"}).node("Mul", {"m", "s"}, {"y"});
  EXPECT_EQ(after(rows, nullptr).nodes.size(), 2u);
}

TEST(passes, leave_a_convolution_alone_that_others_read_as_well) {
  auto b = picture();
  b.node("Conv", {"x", "w"}, {"conv"}).node("Mul", {"conv", "c"}, {"m"}).node("Add", {"m", "conv"}, {"y"});
  EXPECT_EQ(after(b, nullptr).nodes.size(), 3u);
}

TEST(passes, fold_division_and_subtraction_from_a_constant) {
  auto b = picture();
  b.node("Conv", {"x", "w"}, {"conv"}).node("Sub", {"c", "conv"}, {"s"}).node("Div", {"s", "c"}, {"y"});
  EXPECT_EQ(after(b, nullptr, 1e-3).nodes.size(), 1u);
}

TEST(passes, fold_zero_padding_into_the_convolution_only) {
  auto zeros = picture();
  zeros.integers("p", {8}, {0, 0, 1, 2, 0, 0, 0, 1})
      .node("Pad", {"x", "p"}, {"padded"})
      .node("Conv", {"padded", "w"}, {"y"}, {{"pads", std::vector<int64_t>{1, 0, 1, 0}}});
  EXPECT_EQ(after(zeros, passes::fold_pad).nodes.size(), 1u);
  auto edges = picture();
  edges.integers("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1})
      .node("Pad", {"x", "p"}, {"padded"}, {{"mode", "edge"}})
      .node("Conv", {"padded", "w"}, {"y"});
  EXPECT_EQ(after(edges, nullptr).nodes.size(), 2u);
  auto ones = picture();
  ones.integers("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1})
      .floats("v", {}, {1})
      .node("Pad", {"x", "p", "v"}, {"padded"})
      .node("Conv", {"padded", "w"}, {"y"});
  EXPECT_EQ(after(ones, nullptr).nodes.size(), 2u);
}

// One Unary of the given kind is left.
void expect_recognized(OnnxBuilder& b, const std::string& kind) {
  const Graph graph = after(b, nullptr);
  EXPECT_EQ(graph.nodes.size(), 1u) << dump_text(graph);
  EXPECT_NE(dump_text(graph).find("kind=" + kind + "}"), std::string::npos) << dump_text(graph);
}

OnnxBuilder vector() {
  OnnxBuilder b;
  b.input("x", {"16"})
      .output("y")
      .floats("3", {}, {3})
      .floats("0", {}, {0})
      .floats("6", {}, {6})
      .floats("sixth", {}, {1.0f / 6})
      .floats("half", {}, {0.5f});
  b.floats("one", {}, {1}).floats("root", {}, {1.41421356f});
  return b;
}

TEST(passes, recognize_silu_in_either_order) {
  auto a = vector();
  a.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"y"});
  expect_recognized(a, "silu");
  auto b = vector();
  b.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"s", "x"}, {"y"});
  expect_recognized(b, "silu");
}

TEST(passes, recognize_hard_swish_as_exporters_write_it) {
  auto six_last = vector();  // x * clip(x + 3, 0, 6) / 6
  six_last.node("Add", {"x", "3"}, {"a"})
      .node("Clip", {"a", "0", "6"}, {"c"})
      .node("Mul", {"x", "c"}, {"m"})
      .node("Div", {"m", "6"}, {"y"});
  expect_recognized(six_last, "hard_swish");
  auto six_first = vector();  // x * (clip(x + 3, 0, 6) * 1/6)
  six_first.node("Add", {"x", "3"}, {"a"})
      .node("Clip", {"a", "0", "6"}, {"c"})
      .node("Mul", {"c", "sixth"}, {"g"})
      .node("Mul", {"g", "x"}, {"y"});
  expect_recognized(six_first, "hard_swish");
  auto sigmoid = vector();
  sigmoid.node("HardSigmoid", {"x"}, {"g"}, {{"alpha", 1.0f / 6}}).node("Mul", {"x", "g"}, {"y"});
  expect_recognized(sigmoid, "hard_swish");
}

TEST(passes, recognize_gelu_as_exporters_write_it) {
  auto half_last = vector();  // x * (1 + erf(x / sqrt 2)) * 0.5
  half_last.node("Div", {"x", "root"}, {"d"})
      .node("Erf", {"d"}, {"e"})
      .node("Add", {"e", "one"}, {"p"})
      .node("Mul", {"x", "p"}, {"m"})
      .node("Mul", {"m", "half"}, {"y"});
  expect_recognized(half_last, "gelu");
  auto half_first = vector();  // (0.5 * x) * (1 + erf(x / sqrt 2))
  half_first.node("Div", {"x", "root"}, {"d"})
      .node("Erf", {"d"}, {"e"})
      .node("Add", {"e", "one"}, {"p"})
      .node("Mul", {"x", "half"}, {"h"})
      .node("Mul", {"h", "p"}, {"y"});
  expect_recognized(half_first, "gelu");
}

TEST(passes, keep_lookalikes_of_activations) {
  auto other = vector();  // x * clip(x + 3, 0, 6) / 3 is no hard swish
  other.node("Add", {"x", "3"}, {"a"})
      .node("Clip", {"a", "0", "6"}, {"c"})
      .node("Mul", {"x", "c"}, {"m"})
      .node("Div", {"m", "3"}, {"y"});
  EXPECT_EQ(dump_text(after(other, nullptr)).find("hard_swish"), std::string::npos);
  OnnxBuilder two;
  two.input("x", {"8"}).input("z", {"8"}).output("y").node("Sigmoid", {"z"}, {"s"}).node("Mul", {"x", "s"}, {"y"});
  EXPECT_EQ(dump_text(after(two, nullptr)).find("silu"), std::string::npos);
}

TEST(passes, fuse_an_activation_unless_integers_need_it_apart) {
  auto b = picture();
  b.node("Conv", {"x", "w"}, {"conv"}).node("Sigmoid", {"conv"}, {"y"});
  EXPECT_EQ(after(b, passes::fuse_activation).nodes.size(), 1u);
  Graph integer = b.graph().value();
  EXPECT_FALSE(passes::fuse_activation(integer, {.integer_activations = true}));
  auto relu = picture();
  relu.node("Conv", {"x", "w"}, {"conv"}).node("Relu", {"conv"}, {"y"});
  Graph clamped = relu.graph().value();
  EXPECT_TRUE(passes::fuse_activation(clamped, {.integer_activations = true}));
}

TEST(passes, simplify_reshapes_transposes_and_identities) {
  OnnxBuilder b;
  b.input("x", {"2", "3"}).output("y").integers("s", {1}, {6}).integers("t", {2}, {2, 3});
  b.node("Reshape", {"x", "s"}, {"a"})
      .node("Reshape", {"a", "t"}, {"b"})
      .node("Transpose", {"b"}, {"c"})
      .node("Transpose", {"c"}, {"d"})
      .node("Relu", {"d"}, {"y"});
  EXPECT_EQ(after(b, nullptr).nodes.size(), 1u);
}

TEST(passes, name_nodes_apart) {
  OnnxBuilder b;
  b.input("x", {"1", "2", "5", "5"})
      .output("y")
      .floats("w", {2, 2, 1, 1}, noise(4))
      .floats("v", {2, 2, 1, 1}, noise(4, 2));
  b.node("Conv", {"x", "w"}, {"a"}, {}, "conv").node("Conv", {"a", "v"}, {"b"}, {}, "conv#2");
  b.node("Conv", {"b", "w"}, {"c"}, {}, "conv").node("Conv", {"c", "v"}, {"y"}, {}, "conv");
  const Graph graph = after(b, passes::name_apart);
  ASSERT_EQ(graph.nodes.size(), 4u);
  EXPECT_EQ(graph.nodes[0].name, "conv");
  EXPECT_EQ(graph.nodes[1].name, "conv#2");
  EXPECT_EQ(graph.nodes[2].name, "conv#3");
  EXPECT_EQ(graph.nodes[3].name, "conv#4");
  Graph again = graph;
  EXPECT_FALSE(passes::name_apart(again, {}));
}

TEST(passes, merge_what_is_equal_and_nothing_else) {
  OnnxBuilder b;
  b.input("x", {"4"}).output("y").node("Exp", {"x"}, {"a"}).node("Exp", {"x"}, {"b"}).node("Add", {"a", "b"}, {"y"});
  EXPECT_EQ(after(b, passes::merge_equal, 1e-4).nodes.size(), 2u);
  OnnxBuilder near;  // scales that differ beyond the sixth decimal place
  near.input("x", {"4"})
      .output("y")
      .floats("s", {}, {1e-7f})
      .floats("t", {}, {3e-7f})
      .integers("z", {}, {0}, kOnnxInt8);
  near.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("QuantizeLinear", {"x", "t", "z"}, {"r"});
  near.node("DequantizeLinear", {"q", "s", "z"}, {"a"})
      .node("DequantizeLinear", {"r", "t", "z"}, {"b"})
      .node("Add", {"a", "b"}, {"y"});
  EXPECT_EQ(after(near, nullptr).nodes.size(), 5u);
}

}  // namespace
}  // namespace nibble::test

// ONNX operators that no operator of the engine stands for: what they are written as computes the same.
#include <algorithm>

#include "ops/op.h"
#include "tests/converter/oracle_run.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {
namespace {

std::vector<double> compute(const OnnxBuilder& builder, const Floats& x, const DimBindings& dims = {}) {
  const auto graph = builder.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  return graph ? run_one(*graph, x, dims) : std::vector<double>{};
}

OnnxBuilder model(int64_t opset, const OnnxNames& dims, int32_t type = kOnnxFloat) {
  OnnxBuilder b(opset);
  b.input("x", dims, type).output("y");
  return b;
}

TEST(onnx_lowered, where_chooses_by_comparisons_of_data) {
  auto b = model(13, {"5"});
  b.floats("one", {}, {1}).floats("low", {5}, {-10, -20, -30, -40, -50});
  b.node("Greater", {"x", "one"}, {"c"}).node("Where", {"c", "x", "low"}, {"y"});
  expect_close(compute(b, {0, 1, 1.5f, 7, -3}), {-10, -20, 1.5, 7, -50}, 0);
}

TEST(onnx_lowered, comparisons_and_logic_give_zero_or_one) {
  const Floats x{-1, 0, 0.5f, 2};
  const std::vector<std::pair<std::string, std::vector<double>>> table = {{"Less", {1, 0, 0, 0}},
                                                                          {"LessOrEqual", {1, 1, 0, 0}},
                                                                          {"Greater", {0, 0, 1, 1}},
                                                                          {"GreaterOrEqual", {0, 1, 1, 1}},
                                                                          {"Equal", {0, 1, 0, 0}}};
  for (const auto& [type, expected] : table) {
    auto b = model(16, {"4"});
    b.floats("zero", {}, {0})
        .node(type, {"x", "zero"}, {"c"})
        .node("Cast", {"c"}, {"y"}, {{"to", int64_t{kOnnxFloat}}});
    expect_close(compute(b, x), expected, 0);
  }
  const std::vector<std::pair<std::string, std::vector<double>>> logic = {
      {"And", {0, 0, 1, 0}}, {"Or", {1, 1, 1, 1}}, {"Xor", {1, 1, 0, 1}}};
  for (const auto& [type, expected] : logic) {
    auto b = model(16, {"4"});
    b.floats("zero", {}, {0}).floats("one", {}, {1});
    b.node("Greater", {"x", "zero"}, {"p"}).node("Less", {"x", "one"}, {"q"}).node(type, {"p", "q"}, {"c"});
    b.node("Cast", {"c"}, {"y"}, {{"to", int64_t{kOnnxFloat}}});
    expect_close(compute(b, x), expected, 0);
  }
  auto flag = model(16, {"4"});  // an output of truth values keeps its type
  flag.floats("zero", {}, {0}).node("Greater", {"x", "zero"}, {"c"}).node("Not", {"c"}, {"y"});
  const auto graph = flag.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->desc(graph->outputs[0]).type, DType::boolean);
  expect_close(run_one(*graph, x), {1, 1, 0, 0}, 0);
}

TEST(onnx_lowered, where_with_infinite_values_is_refused) {
  auto b = model(13, {"2"});
  b.floats("low", {}, {-std::numeric_limits<float>::infinity()}).floats("zero", {}, {0});
  b.node("Greater", {"x", "zero"}, {"c"}).node("Where", {"c", "x", "low"}, {"y"});
  EXPECT_NE(b.problem().find("input 2 may be infinite"), std::string::npos) << b.problem();
}

// Where(x > 0, y, 0) with y as `branch` makes it of x: what stands in its way.
template <class F>
std::string problem_of_where(const F& branch) {
  auto b = model(13, {"3"});
  b.floats("zero", {}, {0}).floats("small", {}, {1e-3f}).floats("two", {}, {2}).floats("top", {}, {80});
  branch(b);
  b.node("Greater", {"x", "zero"}, {"c"}).node("Where", {"c", "v", "zero"}, {"y"}, {}, "choice");
  return b.problem();
}

TEST(onnx_lowered, where_refuses_what_may_not_be_finite) {
  const auto expect = [](const std::string& problem, const std::string& word) {
    EXPECT_NE(problem.find("'choice'"), std::string::npos) << word << ": " << problem;
    EXPECT_NE(problem.find(word), std::string::npos) << problem;
  };
  expect(problem_of_where([](auto& b) { b.node("Log", {"x"}, {"v"}, {}, "l"); }), "Log 'l' of values that need not");
  expect(problem_of_where([](auto& b) { b.node("Log", {"x"}, {"l"}).node("Neg", {"l"}, {"v"}); }), "Log 'l'");
  expect(problem_of_where([](auto& b) { b.node("Sqrt", {"x"}, {"v"}); }), "Sqrt 'v'");
  expect(problem_of_where([](auto& b) { b.node("Reciprocal", {"x"}, {"v"}); }), "Reciprocal 'v'");
  expect(problem_of_where([](auto& b) { b.node("Div", {"two", "x"}, {"v"}); }), "Div 'v'");
  expect(problem_of_where([](auto& b) { b.node("Div", {"x", "zero"}, {"v"}); }), "Div 'v'");
  expect(problem_of_where([](auto& b) { b.node("Exp", {"x"}, {"v"}); }), "Exp 'v'");
  expect(problem_of_where([](auto& b) { b.node("Pow", {"two", "x"}, {"v"}); }), "Pow 'v'");
}

TEST(onnx_lowered, where_takes_what_bounds_keep_finite) {
  const auto expect = [](const std::string& problem) { EXPECT_EQ(problem, ""); };
  expect(problem_of_where([](auto& b) { b.node("Max", {"x", "small"}, {"m"}).node("Log", {"m"}, {"v"}); }));
  expect(problem_of_where([](auto& b) { b.node("Min", {"x", "top"}, {"m"}).node("Exp", {"m"}, {"v"}); }));
  expect(problem_of_where([](auto& b) { b.node("Relu", {"x"}, {"m"}).node("Sqrt", {"m"}, {"v"}); }));
  expect(problem_of_where([](auto& b) { b.node("Div", {"x", "two"}, {"v"}); }));
  expect(problem_of_where([](auto& b) { b.node("Pow", {"x", "two"}, {"v"}); }));
  expect(problem_of_where([](auto& b) {  // x / sqrt(x * x + small)
    b.node("Mul", {"x", "x"}, {"s"}).node("Add", {"s", "small"}, {"a"}).node("Sqrt", {"a"}, {"r"});
    b.node("Div", {"x", "r"}, {"v"});
  }));
}

TEST(onnx_lowered, truth_values_stay_so_where_they_are_moved) {
  const std::vector<std::pair<std::string, OnnxNames>> moves = {
      {"Identity", {"c"}}, {"Reshape", {"c", "shape"}}, {"Transpose", {"c"}}, {"Flatten", {"c"}}};
  for (const auto& [type, inputs] : moves) {
    auto b = model(13, {"2", "2"});
    b.integers("shape", {1}, {4})
        .floats("zero", {}, {0})
        .node("Greater", {"x", "zero"}, {"c"})
        .node(type, inputs, {"y"});
    const auto graph = b.graph();
    ASSERT_TRUE(graph) << type << ": " << graph.error().message;
    EXPECT_EQ(graph->desc(graph->outputs[0]).type, DType::boolean) << type;
  }
  auto chosen = model(13, {"2"});
  chosen.integers("c", {}, {1}, kOnnxBool).integers("t", {2}, {1, 0}, kOnnxBool).integers("u", {2}, {0, 0}, kOnnxBool);
  chosen.node("Where", {"c", "t", "u"}, {"y"});
  const auto graph = chosen.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->desc(graph->outputs[0]).type, DType::boolean);
}

TEST(onnx_lowered, large_integers_are_compared_exactly) {
  auto b = model(13, {"2"}, kOnnxInt64);
  b.integers("k", {}, {16777216}).node("Greater", {"x", "k"}, {"c"});
  b.node("Cast", {"c"}, {"y"}, {{"to", int64_t{kOnnxFloat}}});
  const auto graph = b.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  const int subtractions = static_cast<int>(std::count_if(graph->nodes.begin(), graph->nodes.end(), [&](const Node& n) {
    return op_if<Binary>(n) && graph->desc(n.inputs[0]).type == DType::i64;
  }));
  EXPECT_EQ(subtractions, 1);
}

TEST(onnx_lowered, clip_takes_bounds_that_are_computed) {
  auto b = model(13, {"4"});
  b.floats("span", {}, {3}).node("ReduceMax", {"x"}, {"top"}, {{"keepdims", int64_t{0}}});
  b.node("Sub", {"top", "span"}, {"floor"}).node("Clip", {"x", "floor"}, {"y"});
  expect_close(compute(b, {-9, 1, 4, 0.5f}), {1, 1, 4, 1}, 0);
}

TEST(onnx_lowered, a_computed_bound_of_clip_is_one_number) {
  auto b = model(13, {"4"});
  b.node("Relu", {"x"}, {"low"}).node("Clip", {"x", "low"}, {"y"});
  EXPECT_NE(b.problem().find("a bound must be a scalar"), std::string::npos) << b.problem();
}

TEST(onnx_lowered, pixels_that_are_computed_on_are_not_cast) {
  auto b = model(13, {"1", "2", "2", "2"}, kOnnxUint8);
  b.node("Concat", {"x", "x"}, {"both"}, {{"axis", int64_t{1}}});
  b.node("Cast", {"both"}, {"y"}, {{"to", int64_t{kOnnxFloat}}}, "to_float");
  const std::string problem = b.problem();
  EXPECT_NE(problem.find("'to_float'"), std::string::npos) << problem;
  EXPECT_NE(problem.find("bytes that are computed on"), std::string::npos) << problem;
}

TEST(onnx_lowered, pixels_are_cast_to_floats) {
  auto b = model(13, {"1", "2", "2", "1"}, kOnnxUint8);
  b.floats("half", {}, {127.5f}).node("Transpose", {"x"}, {"t"}, {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
  b.node("Cast", {"t"}, {"f"}, {{"to", int64_t{kOnnxFloat}}}).node("Sub", {"f", "half"}, {"y"});
  expect_close(compute(b, {0, 255, 3, 128}), {-127.5, 127.5, -124.5, 0.5}, 0);
}

TEST(onnx_lowered, resize_takes_channels_last_and_signals) {
  auto last = model(13, {"1", "1", "2", "2"});  // batch, height, width, channels
  last.floats("s", {4}, {1, 1, 2, 1});
  last.node("Resize", {"x", "", "s"}, {"y"},
            {{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
  expect_close(compute(last, {1, 2, 3, 4}), {1, 2, 1, 2, 3, 4, 3, 4}, 0);
  auto signal = model(13, {"1", "2", "T"});
  signal.floats("s", {3}, {1, 1, 2}).node("Resize", {"x", "", "s"}, {"y"}, {{"mode", "linear"}});
  expect_close(compute(signal, {1, 2, 3, 5}, {{"T", 2}}), {1, 1.25, 1.75, 2, 3, 3.5, 4.5, 5}, 1e-12);
  auto channels = model(13, {"1", "2", "1", "1"});
  channels.integers("z", {4}, {1, 4, 1, 1}).node("Resize", {"x", "", "", "z"}, {"y"});
  expect_close(compute(channels, {1, 2}), {1, 1, 2, 2}, 0);
  auto three = model(13, {"1", "2", "2", "2"});
  three.floats("s", {4}, {1, 2, 2, 2}).node("Resize", {"x", "", "s"}, {"y"});
  EXPECT_NE(three.problem().find("3 axes are resized at once, supported: 2"), std::string::npos) << three.problem();
}

TEST(onnx_lowered, local_response_normalization_divides_by_neighbouring_channels) {
  auto b = model(13, {"1", "4", "1", "W"});
  b.node("LRN", {"x"}, {"y"}, {{"size", int64_t{4}}, {"alpha", 2.0f}, {"beta", 0.5f}, {"bias", 1.5f}});
  const Floats x{1, -2, 3, 0.5f};
  std::vector<double> expected;
  for (int c = 0; c < 4; ++c) {
    double sum = 0;  // of channels c - 1 to c + 2
    for (int k = std::max(c - 1, 0); k <= std::min(c + 2, 3); ++k)
      sum += std::pow(double{x[static_cast<size_t>(k)]}, 2);
    expected.push_back(double{x[static_cast<size_t>(c)]} / std::sqrt(1.5 + 2.0 / 4.0 * sum));
  }
  expect_close(compute(b, x, {{"W", 1}}), expected, 1e-6);
}

TEST(onnx_lowered, local_response_normalization_keeps_columns_apart) {
  auto b = model(13, {"1", "2", "1", "3"});
  b.node("LRN", {"x"}, {"y"}, {{"size", int64_t{3}}, {"alpha", 3.0f}, {"beta", 1.0f}, {"bias", 1.0f}});
  const Floats x{1, 2, -3, 4, 0, 1};
  std::vector<double> expected;
  for (size_t i = 0; i < 6; ++i) {
    const double a = double{x[i % 3]}, c = double{x[i % 3 + 3]};
    expected.push_back(double{x[i]} / (1.0 + a * a + c * c));
  }
  expect_close(compute(b, x), expected, 1e-6);
}

TEST(onnx_lowered, lp_normalization_leaves_zeros) {
  auto b = model(13, {"2", "2"});
  b.node("LpNormalization", {"x"}, {"y"});
  expect_close(compute(b, {3, -4, 0, 0}), {0.6, -0.8, 0, 0}, 1e-6);
}

// The chain in front of an If that exporters of PyTorch leave for squeeze(1).
OnnxBuilder squeezed(const OnnxNames& dims) {
  OnnxBuilder squeeze(11), keep(11);
  squeeze.node("Squeeze", {"r"}, {"s"}, {{"axes", std::vector<int64_t>{1}}}).output("s");
  keep.node("Neg", {"r"}, {"k"}).output("k");
  auto b = model(11, dims);
  b.integers("one", {}, {1}).node("Relu", {"x"}, {"r"}).node("Shape", {"r"}, {"sizes"});
  b.node("Gather", {"sizes", "one"}, {"size"}).node("Equal", {"size", "one"}, {"same"});
  b.node("If", {"same"}, {"y"}, {{"then_branch", &squeeze}, {"else_branch", &keep}}, "branch");
  return b;
}

TEST(onnx_lowered, if_with_a_known_condition_is_one_branch) {
  expect_close(compute(squeezed({"2", "1", "2"}), {1, -2, 3, 4}), {1, 0, 3, 4}, 0);
  const auto graph = squeezed({"2", "1", "2"}).graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->desc(graph->outputs[0]).shape, (Shape{2, 2}));
  expect_close(compute(squeezed({"1", "2", "2"}), {1, -2, 3, 4}), {-1, 0, -3, -4}, 0);
  const std::string problem = squeezed({"1", "C", "2"}).problem();
  EXPECT_NE(problem.find("free dimension C at run time; --dim fixes it"), std::string::npos) << problem;
}

OnnxBuilder branch_of(const std::string& type, const std::string& input, const std::string& name) {
  OnnxBuilder b(13);
  b.node(type, {input}, {name}).output(name);
  return b;
}

TEST(onnx_lowered, the_branch_not_taken_is_no_obstacle) {
  const OnnxBuilder taken = branch_of("Neg", "x", "k"), other = branch_of("Identity", "d", "k2");
  auto b = model(13, {"2"});
  b.floats("one", {}, {1}).floats("two", {}, {2}).node("Less", {"one", "two"}, {"c"}).node("Det", {"x"}, {"d"});
  b.node("If", {"c"}, {"y"}, {{"then_branch", &taken}, {"else_branch", &other}});
  expect_close(compute(b, {1, -2}), {-1, 2}, 0);
  OnnxBuilder unneeded(13);  // of the branch that is taken too
  unneeded.node("Det", {"x"}, {"d"}).node("Neg", {"x"}, {"k"}).output("k");
  auto within = model(13, {"2"});
  within.integers("c", {}, {1}, kOnnxBool);
  within.node("If", {"c"}, {"y"}, {{"then_branch", &unneeded}, {"else_branch", &other}});
  expect_close(compute(within, {1, -2}), {-1, 2}, 0);
}

TEST(onnx_lowered, integers_that_branches_pass_on_are_bounded) {
  auto b = model(13, {"2"});
  b.integers("c", {}, {1}, kOnnxBool).integers("zero", {}, {0}).integers("one", {}, {1}).integers("end", {}, {65536});
  b.node("Range", {"zero", "end", "one"}, {"v0"});
  std::vector<OnnxBuilder> branches;
  branches.reserve(40);
  for (int i = 0; i < 40; ++i) {
    const std::string from = "v" + std::to_string(i), to = "v" + std::to_string(i + 1);
    branches.push_back(OnnxBuilder(13));
    branches.back().output(from);
    b.node("If", {"c"}, {to}, {{"then_branch", &branches.back()}, {"else_branch", &branches.back()}});
  }
  b.node("Gather", {"v40", "v40"}, {"g"}).node("Cast", {"g"}, {"y"}, {{"to", int64_t{kOnnxFloat}}});
  EXPECT_NE(b.problem().find("more integers than a shape needs"), std::string::npos) << b.problem();
}

TEST(onnx_lowered, what_nobody_reads_is_no_obstacle) {
  constexpr int32_t kOnnxString = 8;
  auto b = model(13, {"1", "1", "2", "2"});
  b.input("label", {"1"}, kOnnxString);
  b.node("MaxPool", {"x"}, {"y", "where"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  b.node("MaxUnpool", {"y", "where"}, {"z"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  b.node("TopK", {"z", "z"}, {"", "best"});
  expect_close(compute(b, {1, -2, 3, 0}), {3}, 0);
  auto read = model(13, {"2"});
  read.input("label", {"1"}, kOnnxString).node("Identity", {"label"}, {"y"});
  EXPECT_NE(read.problem().find("STRING"), std::string::npos) << read.problem();
}

TEST(onnx_lowered, sizes_are_compared_when_converting) {
  auto b = model(13, {"N", "2", "6"});
  b.integers("two", {}, {2}).integers("four", {}, {4}).integers("back", {1}, {-1}).integers("axis", {1}, {0});
  b.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "two"}, {"w"});
  b.node("Mod", {"w", "four"}, {"rest"}).node("Less", {"rest", "four"}, {"small"}).node("Not", {"small"}, {"large"});
  b.node("Where", {"large", "four", "rest"}, {"r"}).node("Unsqueeze", {"r", "axis"}, {"r1"});
  b.node("Concat", {"back", "r1"}, {"shape"}, {{"axis", int64_t{0}}}).node("Reshape", {"x", "shape"}, {"y"});
  const auto graph = b.graph({{"N", 1}});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->desc(graph->outputs[0]).shape, (Shape{6, 2}));
}

}  // namespace
}  // namespace nibble::test

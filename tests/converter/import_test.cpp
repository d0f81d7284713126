// What imported operators mean, where opset versions and attributes make a difference. ONNX's own node tests cover the
// rest.
#include "tests/converter/oracle_run.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {
namespace {

// Imports a model with input "x" and output "y", and computes it.
std::vector<double> compute(const OnnxBuilder& builder, const Floats& x, const DimBindings& dims = {}) {
  const auto graph = builder.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  return graph ? run_one(*graph, x, dims) : std::vector<double>{};
}

std::string output_shape(const OnnxBuilder& builder) {
  const auto graph = builder.graph();
  return graph ? to_string(graph->desc(graph->outputs[0]).shape) : graph.error().message;
}

OnnxBuilder model(int64_t opset, const OnnxNames& dims) {
  OnnxBuilder b(opset);
  b.input("x", dims).output("y");
  return b;
}

TEST(onnx_import, reads_clip_bounds_from_attributes_and_from_inputs) {
  auto old = model(6, {"4"});
  old.node("Clip", {"x"}, {"y"}, {{"min", -1.0f}, {"max", 2.0f}});
  auto recent = model(11, {"4"});
  recent.floats("low", {}, {-1}).floats("high", {}, {2}).node("Clip", {"x", "low", "high"}, {"y"});
  auto half = model(13, {"4"});
  half.floats("high", {}, {2}).node("Clip", {"x", "", "high"}, {"y"});
  expect_close(compute(old, {-3, 0, 1, 9}), {-1, 0, 1, 2}, 0);
  expect_close(compute(recent, {-3, 0, 1, 9}), {-1, 0, 1, 2}, 0);
  expect_close(compute(half, {-3, 0, 1, 9}), {-3, 0, 1, 2}, 0);
}

TEST(onnx_import, softmax_before_opset_13_joins_the_axes_from_axis_on) {
  auto old = model(11, {"1", "2", "2"});
  old.node("Softmax", {"x"}, {"y"}, {{"axis", int64_t{1}}});
  auto recent = model(13, {"1", "2", "2"});
  recent.node("Softmax", {"x"}, {"y"}, {{"axis", int64_t{1}}});
  expect_close(compute(old, {0, 0, 0, 0}), {0.25, 0.25, 0.25, 0.25}, 1e-12);
  expect_close(compute(recent, {0, 0, 0, 0}), {0.5, 0.5, 0.5, 0.5}, 1e-12);
}

TEST(onnx_import, resize_defaults_follow_the_opset) {
  const Floats x{1, 2, 3, 4};
  auto ten = model(10, {"1", "1", "1", "4"});
  ten.floats("s", {4}, {1, 1, 1, 0.5f}).node("Resize", {"x", "s"}, {"y"}, {{"mode", "nearest"}});
  expect_close(compute(ten, x), {1, 3}, 0);  // asymmetric, floor
  auto eleven = model(11, {"1", "1", "1", "4"});
  eleven.floats("r", {0}, {})
      .floats("s", {4}, {1, 1, 1, 0.5f})
      .node("Resize", {"x", "r", "s"}, {"y"}, {{"mode", "linear"}});
  expect_close(compute(eleven, x), {1.5, 3.5}, 1e-12);  // half_pixel
  auto sizes = model(13, {"1", "1", "1", "4"});
  sizes.integers("z", {4}, {1, 1, 2, 2}).node("Resize", {"x", "", "", "z"}, {"y"}, {{"mode", "linear"}});
  expect_close(compute(sizes, x), {1.5, 3.5, 1.5, 3.5}, 1e-12);
  auto axes = model(19, {"1", "1", "1", "4"});
  axes.integers("z", {1}, {2})
      .node("Resize", {"x", "", "", "z"}, {"y"}, {{"mode", "linear"}, {"axes", std::vector<int64_t>{-1}}});
  expect_close(compute(axes, x), {1.5, 3.5}, 1e-12);
  auto upsample = model(9, {"1", "1", "1", "4"});
  upsample.floats("s", {4}, {1, 1, 1, 2}).node("Upsample", {"x", "s"}, {"y"}, {{"mode", "nearest"}});
  expect_close(compute(upsample, x), {1, 1, 2, 2, 3, 3, 4, 4}, 0);
}

TEST(onnx_import, takes_axes_from_attributes_and_from_inputs) {
  const std::vector<int64_t> one{1};
  for (const bool recent : {false, true}) {
    OnnxBuilder squeeze(recent ? 13 : 11), unsqueeze(recent ? 13 : 11), sum(recent ? 13 : 11);
    for (OnnxBuilder* b : {&squeeze, &unsqueeze, &sum})
      b->input("x", {"N", "1", "3"}).output("y").integers("a", {1}, {1});
    const OnnxNames inputs = recent ? OnnxNames{"x", "a"} : OnnxNames{"x"};
    const std::vector<OnnxAttribute> axes =
        recent ? std::vector<OnnxAttribute>{} : std::vector<OnnxAttribute>{{"axes", one}};
    squeeze.node("Squeeze", inputs, {"y"}, axes);
    unsqueeze.node("Unsqueeze", inputs, {"y"}, axes);
    auto summed = axes;
    summed.push_back({"keepdims", int64_t{0}});
    sum.node("ReduceSum", inputs, {"y"}, summed);
    EXPECT_EQ(output_shape(squeeze), "[N, 3]");
    EXPECT_EQ(output_shape(unsqueeze), "[N, 1, 1, 3]");
    EXPECT_EQ(output_shape(sum), "[N, 3]");
  }
}

TEST(onnx_import, pads_by_attribute_input_axes_and_negative_amounts) {
  auto old = model(2, {"1", "3"});
  old.node("Pad", {"x"}, {"y"}, {{"pads", std::vector<int64_t>{0, 1, 0, 1}}, {"value", 9.0f}});
  expect_close(compute(old, {1, 2, 3}), {9, 1, 2, 3, 9}, 0);
  auto mixed = model(11, {"1", "3"});
  mixed.integers("p", {4}, {0, -1, 0, 2}).floats("v", {}, {5}).node("Pad", {"x", "p", "v"}, {"y"});
  expect_close(compute(mixed, {1, 2, 3}), {2, 3, 5, 5}, 0);
  auto axes = model(18, {"1", "3"});
  axes.integers("p", {2}, {1, 0})
      .integers("a", {1}, {-1})
      .node("Pad", {"x", "p", "", "a"}, {"y"}, {{"mode", "reflect"}});
  expect_close(compute(axes, {1, 2, 3}), {2, 1, 2, 3}, 0);
}

TEST(onnx_import, slices_backwards_and_far_beyond_the_ends) {
  const int64_t far = std::numeric_limits<int64_t>::max();
  auto back = model(11, {"5"});
  back.integers("s", {1}, {-1}).integers("e", {1}, {-far}).integers("a", {1}, {0}).integers("t", {1}, {-2});
  back.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  expect_close(compute(back, {1, 2, 3, 4, 5}), {5, 3, 1}, 0);
  auto all = model(11, {"5"});
  all.integers("s", {1}, {1}).integers("e", {1}, {far}).node("Slice", {"x", "s", "e"}, {"y"});
  expect_close(compute(all, {1, 2, 3, 4, 5}), {2, 3, 4, 5}, 0);
  auto step = model(11, {"5"});
  step.integers("s", {1}, {1}).integers("e", {1}, {5}).integers("a", {1}, {0}).integers("t", {1}, {far});
  step.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  expect_close(compute(step, {1, 2, 3, 4, 5}), {2}, 0);
}

TEST(onnx_import, splits_by_attribute_input_and_number) {
  for (const int64_t opset : {11, 13, 18}) {
    OnnxBuilder b(opset);
    b.input("x", {"5"}).output("p").output("q").integers("n", {2}, {3, 2});
    if (opset == 11) b.node("Split", {"x"}, {"p", "q"}, {{"split", std::vector<int64_t>{3, 2}}});
    if (opset == 13) b.node("Split", {"x", "n"}, {"p", "q"});
    if (opset == 18) b.node("Split", {"x"}, {"p", "q"}, {{"num_outputs", int64_t{2}}});
    const auto graph = b.graph();
    ASSERT_TRUE(graph) << graph.error().message;
    const auto out = run_floats(*graph, {{1, 2, 3, 4, 5}});
    ASSERT_TRUE(out) << out.error().message;
    expect_close((*out)[0], {1, 2, 3}, 0);
    expect_close((*out)[1], {4, 5}, 0);
  }
}

TEST(onnx_import, transposed_convolution_has_groups_and_an_output_shape) {
  auto grouped = model(11, {"1", "2", "1", "2"});
  grouped.floats("w", {2, 1, 1, 2}, {1, 10, 2, 20}).node("ConvTranspose", {"x", "w"}, {"y"}, {{"group", int64_t{2}}});
  expect_close(compute(grouped, {1, 2, 3, 4}), {1, 12, 20, 6, 68, 80}, 0);
  auto shaped = model(11, {"1", "1", "1", "2"});
  shaped.floats("w", {1, 1, 1, 2}, {1, 1})
      .node("ConvTranspose", {"x", "w"}, {"y"},
            {{"strides", std::vector<int64_t>{1, 2}}, {"output_shape", std::vector<int64_t>{1, 5}}});
  expect_close(compute(shaped, {1, 2}), {1, 1, 2, 2, 0}, 0);
  auto same = model(11, {"1", "1", "1", "2"});
  same.floats("w", {1, 1, 1, 1}, {1})
      .node("ConvTranspose", {"x", "w"}, {"y"}, {{"strides", std::vector<int64_t>{1, 3}}, {"auto_pad", "SAME_UPPER"}});
  expect_close(compute(same, {1, 2}), {1, 0, 0, 2, 0, 0}, 0);
}

TEST(onnx_import, shape_arithmetic_keeps_a_free_batch) {
  auto b = model(13, {"N", "2", "3"});
  b.integers("zero", {}, {0}).integers("axis", {1}, {0}).integers("rest", {1}, {-1});
  b.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "zero"}, {"n"}).node("Unsqueeze", {"n", "axis"}, {"n1"});
  b.node("Concat", {"n1", "rest"}, {"target"}, {{"axis", int64_t{0}}}).node("Reshape", {"x", "target"}, {"y"});
  const auto graph = b.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(to_string(graph->desc(graph->outputs[0]).shape), "[N, 6]");
  EXPECT_EQ(graph->nodes.size(), 1u) << dump_text(*graph);
  const Floats x = noise(24);
  expect_close(run_one(*graph, x, {{"N", 4}}), std::vector<double>(x.begin(), x.end()), 0);
}

TEST(onnx_import, shape_arithmetic_computes_divided_sizes) {
  auto b = model(13, {"1", "1", "H", "4"});
  b.integers("two", {}, {2}).integers("at", {1}, {2}).integers("front", {3}, {1, 1, 2});
  b.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "at"}, {"h"}).node("Mul", {"h", "two"}, {"h2"});
  b.node("Concat", {"front", "h2"}, {"target"}, {{"axis", int64_t{0}}}).node("Reshape", {"x", "target"}, {"y"});
  EXPECT_EQ(output_shape(b), "[1, 1, 2, 2*H]");
}

TEST(onnx_import, batch_normalization_needs_as_many_values_as_channels) {
  for (const size_t channels : {2u, 3u}) {
    auto b = model(15, {"1", "2", "1", "1"});
    const Floats ones(channels, 1.0f);
    b.floats("p", {static_cast<int64_t>(channels)}, ones)
        .node("BatchNormalization", {"x", "p", "p", "p", "p"}, {"y"}, {{"epsilon", 3.0f}});
    if (channels == 3) {
      EXPECT_NE(b.problem().find("channels"), std::string::npos) << b.problem();
    } else {
      expect_close(compute(b, {1, 5}), {1, 3}, 1e-6);  // (x - 1) / sqrt(1 + 3) + 1
    }
  }
}

TEST(onnx_import, binds_named_sizes_and_names_those_it_has) {
  auto b = model(13, {"N", "C"});
  b.node("Relu", {"x"}, {"y"});
  const auto fixed = b.graph({{"N", 4}});
  ASSERT_TRUE(fixed) << fixed.error().message;
  EXPECT_EQ(to_string(fixed->desc(fixed->outputs[0]).shape), "[4, C]");
  const auto wrong = b.graph({{"batch", 4}});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("C, N"), std::string::npos) << wrong.error().message;
}

TEST(onnx_import, keeps_the_names_of_outputs) {
  OnnxBuilder b;
  b.input("x", {"2"}).node("Relu", {"x"}, {"a"}).node("Identity", {"a"}, {"b"});
  b.output("a").output("b").output("x_again").node("Identity", {"x"}, {"x_again"});
  const auto graph = b.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  std::vector<std::string> names;
  for (TensorId id : graph->outputs) names.push_back(graph->desc(id).name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "x_again"}));
  EXPECT_EQ(graph->desc(graph->inputs[0]).name, "x");
}

TEST(onnx_import, folding_does_not_blow_up_small_files) {
  auto b = model(13, {"1"});
  b.integers("big", {2}, {30000, 30000}).floats("one", {1, 1}, {1}).integers("pair", {2}, {0, 1});
  b.node("Expand", {"one", "big"}, {"wide"})
      .node("ReduceSum", {"wide", "pair"}, {"sum"}, {{"keepdims", int64_t{0}}})
      .node("Add", {"x", "sum"}, {"y"});
  const auto graph = b.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  for (const Tensor& t : graph->tensors) {
    if (t.is_constant()) {
      EXPECT_LT(t.constant->bytes.size(), 1u << 20);
    }
  }
}

TEST(onnx_import, folding_does_not_take_minutes_of_work_from_small_files) {
  auto b = model(13, {"1"});
  b.integers("big", {4}, {1, 1, 4000, 4000}).floats("one", {1, 1, 1, 1}, {1}).integers("axes", {4}, {0, 1, 2, 3});
  b.node("Expand", {"one", "big"}, {"wide"});
  b.node("AveragePool", {"wide"}, {"mean"}, {{"kernel_shape", std::vector<int64_t>{2000, 2000}}});  // 1.6e13 additions
  b.node("ReduceSum", {"mean", "axes"}, {"sum"}, {{"keepdims", int64_t{0}}}).node("Add", {"x", "sum"}, {"y"});
  const auto graph = b.graph();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(count_of(*graph, "Pool2d"), 1u) << "it was computed";
}

}  // namespace
}  // namespace nibble::test

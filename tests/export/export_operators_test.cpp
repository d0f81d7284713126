// Operators, functions, pixels and float islands on their way out and in again.
#include "tests/export/exported_net.h"

namespace nibble::test {
namespace {

TEST(export_onnx, functions_between_integers_come_back_as_themselves) {
  const std::vector<std::pair<std::string, std::vector<OnnxAttribute>>> functions = {
      {"Sigmoid", {}},   {"Tanh", {}},
      {"HardSwish", {}}, {"HardSigmoid", {{"alpha", 0.2f}, {"beta", 0.5f}}},
      {"Elu", {}},       {"Selu", {}},
      {"Softplus", {}},  {"Mish", {}},
      {"Exp", {}},       {"LeakyRelu", {{"alpha", 0.1f}}}};
  for (const auto& [type, attributes] : functions) {
    OnnxBuilder b(18);
    b.input("x", {"1", "4", "5", "5"})
        .output("y")
        .floats("w", {4, 4, 1, 1}, noise(16, 3))
        .floats("v", {4, 4, 1, 1}, noise(16, 4));
    b.node("Conv", {"x", "w"}, {"c"}, {}, "first").node(type, {"c"}, {"f"}, attributes, "function");
    b.node("Conv", {"f", "v"}, {"y"}, {}, "second");
    const ExportedNet e = export_net(b);
    EXPECT_EQ(e.file.tables, 0u) << type;
    EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 0.02) << type;
    EXPECT_EQ(difference(e.net.quantized.graph, e.again_quantized).most, 0.0) << type << dump_text(e.again_quantized);
  }
}

TEST(export_onnx, a_constant_per_channel_is_the_function_of_a_table) {
  OnnxBuilder b(13);
  b.input("x", {"1", "4", "5", "5"})
      .output("y")
      .floats("w", {4, 4, 1, 1}, noise(16, 3))
      .floats("v", {4, 4, 1, 1}, noise(16, 4));
  b.floats("k", {4, 1, 1}, {0.5f, -0.25f, 1.5f, 2.0f});
  b.node("Conv", {"x", "w"}, {"c"}, {}, "first").node("Max", {"c", "k"}, {"f"}, {}, "function");
  b.node("Conv", {"f", "v"}, {"y"}, {}, "second");
  const ExportedNet e = export_net(b);
  EXPECT_EQ(e.file.tables, 0u);
  EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 0.02);
  // Without the float network only the table is known.
  const auto blind = onnx_export::export_graph(e.net.quantized.graph, {});
  ASSERT_TRUE(blind) << blind.error().message;
  EXPECT_EQ(blind->tables, 1u);
  EXPECT_NE(blind->bytes.find("Gather"), std::string::npos);
}

TEST(export_onnx, pixels_stay_bytes) {
  OnnxBuilder b(13);
  b.input("x", {"1", "3", "6", "6"}).output("y").floats("w", {3, 3, 3, 3}, noise(81, 3));
  b.node("Conv", {"x", "w"}, {"y"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv");
  quantization::Options options;
  options.byte_input = quantization::BytePixels{{1.0f / 64, 1.0f / 70, 1.0f / 60}, {-2.0f, -1.5f, -1.75f}};
  options.byte_output = quantization::BytePixels{{1.0f / 32}, {-4.0f}};
  auto graph = b.graph();
  ASSERT_TRUE(graph);
  ASSERT_TRUE(passes::run(*graph, {.integer_activations = true}));
  const auto quantized = quantization::quantize(*graph, noise_ranges(*graph), options);
  ASSERT_TRUE(quantized) << quantized.error().message;
  const auto file = onnx_export::export_graph(quantized->graph, {&*graph, options.byte_input, options.byte_output});
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tables, 0u);
  const auto again = import_bytes(file->bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->desc(again->inputs[0]).type, DType::u8);
  EXPECT_EQ(again->desc(again->outputs[0]).type, DType::u8);
  EXPECT_LE(difference(quantized->graph, *again).most, 2.0 / 255);
}

TEST(export_onnx, float_islands_stay_float) {
  OnnxBuilder b(17);
  b.input("x", {"1", "4", "6", "6"}).output("y").output("s");
  b.floats("w", {4, 4, 3, 3}, noise(144, 3)).floats("one", {4}, {1, 2, 0.5f, 1}).floats("two", {4}, {0, 1, -1, 0.5f});
  b.node("Conv", {"x", "w"}, {"c"}, {}, "conv").node("InstanceNormalization", {"c", "one", "two"}, {"n"}, {}, "norm");
  b.node("Conv", {"n", "w"}, {"y"}, {}, "conv2").node("Softmax", {"c"}, {"s"}, {{"axis", int64_t{1}}}, "softmax");
  const ExportedNet e = export_net(b);
  EXPECT_LT(difference(e.net.quantized.graph, e.again).most, 0.02);
  EXPECT_EQ(e.again.outputs.size(), 2u);
  EXPECT_EQ(e.again.desc(e.again.outputs[0]).name, "y");
  EXPECT_EQ(e.again.desc(e.again.outputs[1]).name, "s");
}

// One float operator each; what comes back computes the same.
struct Case {
  const char* name;
  std::vector<std::string> dims;
  std::vector<OnnxAttribute> attributes;
  std::vector<std::pair<std::string, std::vector<int64_t>>> integers;
  const char* type;
};

TEST(export_onnx, float_operators_come_back) {
  using I = std::vector<int64_t>;
  const std::vector<Case> cases = {
      {"transpose", {"2", "3", "4"}, {{"perm", I{2, 0, 1}}}, {}, "Transpose"},
      {"average",
       {"1", "2", "7", "7"},
       {{"kernel_shape", I{3, 3}}, {"strides", I{2, 2}}, {"pads", I{1, 0, 1, 1}}, {"ceil_mode", int64_t{1}}},
       {},
       "AveragePool"},
      {"counted",
       {"1", "2", "7", "7"},
       {{"kernel_shape", I{3, 3}}, {"pads", I{1, 1, 1, 1}}, {"count_include_pad", int64_t{1}}},
       {},
       "AveragePool"},
      {"reduce", {"2", "3", "4"}, {{"axes", I{0, 2}}, {"keepdims", int64_t{0}}}, {}, "ReduceL2"},
      {"sum", {"2", "3", "4"}, {}, {{"axes", {1}}}, "ReduceSum"},
      {"argmax", {"2", "5"}, {{"axis", int64_t{1}}}, {}, "ArgMax"},
      {"softmax", {"2", "5"}, {{"axis", int64_t{1}}}, {}, "LogSoftmax"},
      {"slice",
       {"4", "6"},
       {},
       {{"starts", {3, -1}}, {"ends", {-100, -5}}, {"axes", {0, 1}}, {"steps", {-2, -1}}},
       "Slice"},
      {"reflect",
       {"1", "1", "4", "4"},
       {{"mode", std::string("reflect")}},
       {{"pads", {0, 0, 1, 2, 0, 0, 2, 1}}},
       "Pad"},
      {"expand", {"3", "1"}, {}, {{"shape", {2, 1, 4}}}, "Expand"},
      {"gather", {"4", "3"}, {{"axis", int64_t{0}}}, {{"at", {2, 0, -1}}}, "Gather"},
      {"nearest",
       {"1", "2", "3", "4"},
       {{"mode", std::string("nearest")},
        {"coordinate_transformation_mode", std::string("asymmetric")},
        {"nearest_mode", std::string("floor")}},
       {{"", {}}, {"", {}}, {"sizes", {1, 2, 6, 8}}},
       "Resize"},
      {"linear",
       {"1", "2", "3", "4"},
       {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("align_corners")}},
       {{"", {}}, {"", {}}, {"sizes", {1, 2, 5, 9}}},
       "Resize"},
      {"cubic",
       {"1", "1", "4", "4"},
       {{"mode", std::string("cubic")}, {"cubic_coeff_a", -0.5f}},
       {{"", {}}, {"", {}}, {"sizes", {1, 1, 7, 9}}},
       "Resize"},
  };
  for (const Case& c : cases) {
    OnnxBuilder b(17);
    b.input("x", c.dims).output("y");
    OnnxNames inputs{"x"};
    for (const auto& [name, values] : c.integers) {
      if (!name.empty()) b.integers(name, {static_cast<int64_t>(values.size())}, values);
      inputs.push_back(name);
    }
    b.node(c.type, inputs, {"y"}, c.attributes, c.name);
    const auto graph = b.graph();
    ASSERT_TRUE(graph) << c.name << ": " << graph.error().message;
    const auto file = onnx_export::export_graph(*graph, {});
    ASSERT_TRUE(file) << c.name << ": " << file.error().message;
    const auto again = import_bytes(file->bytes);
    ASSERT_TRUE(again) << c.name << ": " << again.error().message;
    EXPECT_LT(difference(*graph, *again).most, 1e-6) << c.name << "\n" << dump_text(*again);
  }
}

TEST(export_onnx, free_dimensions_stay_free_or_are_refused_by_name) {
  OnnxBuilder b(13);
  b.input("x", {"N", "2", "3"})
      .output("y")
      .integers("shape", {2}, {0, 6})
      .node("Reshape", {"x", "shape"}, {"y"}, {}, "flat");
  const auto graph = b.graph();
  ASSERT_TRUE(graph);
  const auto file = onnx_export::export_graph(*graph, {});
  ASSERT_TRUE(file) << file.error().message;
  const auto again = import_bytes(file->bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(free_dims(*again), std::vector<std::string>{"N"});
  OnnxBuilder hard(13);
  hard.input("x", {"N", "M", "4"})
      .output("y")
      .integers("shape", {3}, {0, 4, -1})
      .node("Reshape", {"x", "shape"}, {"y"}, {}, "turned");
  const auto two = hard.graph();
  if (two) {  // [N, 4, M]: M moved to another axis, still one unknown
    EXPECT_TRUE(onnx_export::export_graph(*two, {}));
  }
  OnnxBuilder expand(13);
  expand.input("x", {"N", "1"}).input("z", {"1", "M"}).output("y").node("Add", {"x", "z"}, {"y"}, {}, "sum");
  ASSERT_TRUE(onnx_export::export_graph(expand.graph().value(), {}));
}

}  // namespace
}  // namespace nibble::test

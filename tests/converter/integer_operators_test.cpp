// Operators on quantized tensors (QLinearConv, MatMulInteger and their like) give what the same network gives as QDQ.
#include <limits>
#include <set>

#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// Two quantized tensors a [1, 4, 3, 3] and b, of the input's both halves; a result of scale sy.
OnnxBuilder start(bool bytes, int64_t opset = 13) {
  const int32_t type = bytes ? kOnnxUint8 : kOnnxInt8;
  OnnxBuilder b(opset);
  b.input("x", {"1", "4", "3", "3"}).output("y");
  b.floats("sx", {}, {1.0f / 100}).integers("zx", {}, {bytes ? 120 : -8}, type);
  b.floats("sz", {}, {1.0f / 70}).integers("zz", {}, {bytes ? 131 : 3}, type);
  b.floats("sy", {}, {1.0f / 50}).integers("zy", {}, {bytes ? 100 : -28}, type);
  b.node("QuantizeLinear", {"x", "sx", "zx"}, {"a"});
  b.floats("minus", {}, {-0.7f}).node("Mul", {"x", "minus"}, {"m"}).node("QuantizeLinear", {"m", "sz", "zz"}, {"b"});
  return b;
}

using Body = std::function<void(OnnxBuilder&)>;

// `own`: makes "q" of "a" and "b" by the operators under test; `qdq`: makes the float "f" of the floats "ar" and "br".
void expect_same(const std::string& what, const Body& constants, const Body& own, const Body& qdq, int64_t opset = 13) {
  for (const bool bytes : {true, false}) {
    SCOPED_TRACE(what + (bytes ? " of uint8" : " of int8"));
    auto one = start(bytes, opset), other = start(bytes, opset);
    constants(one);
    constants(other);
    own(one);
    one.node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
    other.node("DequantizeLinear", {"a", "sx", "zx"}, {"ar"}).node("DequantizeLinear", {"b", "sz", "zz"}, {"br"});
    qdq(other);
    other.node("QuantizeLinear", {"f", "sy", "zy"}, {"q"}).node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
    ASSERT_EQ(one.problem(), "");
    const QuantizedNet net = quantize_net(one), like = quantize_net(other);
    const auto inputs = noise_inputs(net.original);
    const auto real = run_floats(net.original, inputs), expected = run_floats(like.original, inputs);
    ASSERT_TRUE(real && expected);
    expect_close((*real)[0], (*expected)[0], 0);
    double most = 0.0;  // something is computed
    for (double v : (*real)[0]) most = std::max(most, std::abs(v));
    EXPECT_GT(most, 0.05);
    const auto stored = run_floats(net.quantized.graph, inputs), stored_like = run_floats(like.quantized.graph, inputs);
    ASSERT_TRUE(stored && stored_like);
    expect_close((*stored)[0], (*stored_like)[0], 0);
    EXPECT_EQ(net.integer_nodes(), like.integer_nodes());
  }
}

void no_constants(OnnxBuilder&) {}

void conv_weights(OnnxBuilder& b) {
  std::vector<int64_t> w;
  for (float v : noise(4 * 2 * 2 * 2, 5)) w.push_back(static_cast<int64_t>(std::round(v * 127)));
  b.integers("w", {4, 2, 2, 2}, w, kOnnxInt8).floats("sw", {4}, {0.004f, 0.01f, 0.002f, 0.006f});
  b.integers("zw", {4}, {0, 0, 0, 0}, kOnnxInt8).integers("bias", {4}, {900, -300, 40, 5}, kOnnxInt32);
  b.floats("sb", {4}, {0.004f * (1.0f / 100), 0.01f * (1.0f / 100), 0.002f * (1.0f / 100), 0.006f * (1.0f / 100)});
}

TEST(integer_operators, convolutions_are_what_qdq_says) {
  const std::vector<OnnxAttribute> attributes = {{"group", int64_t{2}}, {"pads", std::vector<int64_t>{1, 0, 0, 1}}};
  for (const char* domain : {"", kMicrosoft}) {
    expect_same(
        "QLinearConv", conv_weights,
        [&](auto& b) {
          b.node("QLinearConv", {"a", "sx", "zx", "w", "sw", "zw", "sy", "zy", "bias"}, {"q"}, attributes, "", domain);
        },
        [&](auto& b) {
          b.node("DequantizeLinear", {"w", "sw", "zw"}, {"wr"}, {{"axis", int64_t{0}}});
          b.node("DequantizeLinear", {"bias", "sb"}, {"biasr"}, {{"axis", int64_t{0}}});
          b.node("Conv", {"ar", "wr", "biasr"}, {"f"}, attributes);
        });
  }
}

TEST(integer_operators, layers_keep_name_and_weights) {
  auto b = start(true);
  conv_weights(b);
  b.node("QLinearConv", {"a", "sx", "zx", "w", "sw", "zw", "sy", "zy", "bias"}, {"q"}, {{"group", int64_t{2}}}, "layer")
      .node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  const QuantizedNet net = quantize_net(b);
  size_t found = 0;
  for (const Node& node : net.quantized.graph.nodes) {
    if (node.name != "layer") continue;
    ++found;
    EXPECT_TRUE(is_integer_node(net.quantized.graph, node));
    EXPECT_EQ(net.quantized.graph.tensor(node.inputs[1]).desc.quant.scales,
              (std::vector<float>{0.004f, 0.01f, 0.002f, 0.006f}));
  }
  EXPECT_EQ(found, 1u) << dump_text(net.quantized.graph);
}

TEST(integer_operators, products_are_what_qdq_says) {
  const Body constants = [](OnnxBuilder& b) {
    b.integers("flat", {2}, {4, 9})
        .integers("w", {9, 2}, {9, -3, 100, 7, -50, 60, 3, 8, -127, 1, 2, 3, 4, 5, 77, -9, 30, 40}, kOnnxInt8);
    b.floats("sw", {2}, {0.01f, 0.007f})
        .integers("zw", {2}, {0, 0}, kOnnxInt8)
        .integers("c", {2}, {300, -700}, kOnnxInt32);
    b.floats("sc", {2}, {0.01f * (1.0f / 100) * 0.5f, 0.007f * (1.0f / 100) * 0.5f});
    b.node("Reshape", {"a", "flat"}, {"af"});
  };
  const auto real = [](OnnxBuilder& b) {
    b.node("DequantizeLinear", {"af", "sx", "zx"}, {"afr"})
        .node("DequantizeLinear", {"w", "sw", "zw"}, {"wr"}, {{"axis", int64_t{1}}});
  };
  expect_same(
      "QLinearMatMul", constants,
      [](auto& b) {
        b.node("QLinearMatMul", {"af", "sx", "zx", "w", "sw", "zw", "sy", "zy"}, {"q"});
      },
      [&](auto& b) {
        real(b);
        b.node("MatMul", {"afr", "wr"}, {"f"});
      });
  expect_same(
      "QGemm", constants,
      [](auto& b) {
        b.node("QGemm", {"af", "sx", "zx", "w", "sw", "zw", "c", "sy", "zy"}, {"q"}, {{"alpha", 0.5f}}, "", kMicrosoft);
      },
      [&](auto& b) {
        real(b);
        b.node("DequantizeLinear", {"c", "sc"}, {"cr"}, {{"axis", int64_t{0}}})
            .node("Gemm", {"afr", "wr", "cr"}, {"f"}, {{"alpha", 0.5f}});
      });
}

TEST(integer_operators, sums_products_and_joins_are_what_qdq_says) {
  for (const std::string type : {"Add", "Mul"}) {
    expect_same(
        type, no_constants,
        [&](auto& b) {
          b.node("QLinear" + type, {"a", "sx", "zx", "b", "sz", "zz", "sy", "zy"}, {"q"}, {}, "", kMicrosoft);
        },
        [&](auto& b) {
          b.node(type, {"ar", "br"}, {"f"});
        });
  }
  expect_same(
      "QLinearConcat", no_constants,
      [](auto& b) {
        b.node("QLinearConcat", {"sy", "zy", "a", "sx", "zx", "b", "sz", "zz"}, {"q"}, {{"axis", int64_t{1}}}, "",
               kMicrosoft);
      },
      [](auto& b) {
        b.node("Concat", {"ar", "br"}, {"f"}, {{"axis", int64_t{1}}});
      });
}

TEST(integer_operators, functions_and_means_are_what_qdq_says) {
  const std::vector<std::pair<std::string, std::vector<OnnxAttribute>>> table = {
      {"Sigmoid", {}},
      {"LeakyRelu", {{"alpha", 0.2f}}},
      {"Softmax", {{"axis", int64_t{-1}}}},
      {"GlobalAveragePool", {}},
      {"AveragePool", {{"kernel_shape", std::vector<int64_t>{2, 2}}}},
      {"ReduceMean", {{"axes", std::vector<int64_t>{2, 3}}}}};
  for (const auto& [type, attributes] : table) {
    expect_same(
        type, no_constants,
        [&, &type = type, &attributes = attributes](auto& b) {
          b.node("QLinear" + type, {"b", "sz", "zz", "sy", "zy"}, {"q"}, attributes, "", kMicrosoft);
        },
        [&, &type = type, &attributes = attributes](auto& b) { b.node(type, {"br"}, {"f"}, attributes); });
  }
}

// x -> DynamicQuantizeLinear, then `layer`, which makes "y": what the float product of x and w gives.
// x [1, 4, 3] times w [1, 3, N], or (`order`) of other scales.
std::string product_problem(const Shape& scale_shape, size_t zero_points, std::vector<double>* y = nullptr) {
  OnnxBuilder b(13);
  std::vector<int64_t> dims;
  size_t count = 1;
  for (const Dim& d : scale_shape) {
    dims.push_back(d.value());
    count *= static_cast<size_t>(d.value());
  }
  std::vector<float> scales;
  for (size_t i = 0; i < count; ++i) scales.push_back(0.25f * static_cast<float>(i + 1));
  b.input("x", {"1", "1", "4"}).output("y").floats("sx", {}, {0.5f}).integers("zx", {}, {0}, kOnnxInt8);
  b.integers("w", {1, 4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, kOnnxInt8).floats("sw", dims, scales);
  if (zero_points != count) dims = {static_cast<int64_t>(zero_points)};
  b.integers("zw", dims, std::vector<int64_t>(zero_points, 0), kOnnxInt8);
  b.node("QuantizeLinear", {"x", "sx", "zx"}, {"q"});
  b.node("QLinearMatMul", {"q", "sx", "zx", "w", "sw", "zw", "sx", "zx"}, {"p"}, {}, "m")
      .node("DequantizeLinear", {"p", "sx", "zx"}, {"y"});
  if (y && b.problem().empty()) *y = run_one(b.graph().value(), {1, 0, 0, 1});
  return b.problem();
}

TEST(integer_operators, scales_lie_along_the_columns) {
  std::vector<double> y;
  for (const Shape& shape : {Shape{3}, Shape{1, 3}, Shape{1, 1, 3}}) {
    EXPECT_EQ(product_problem(shape, 3, &y), "");
    expect_close(y, {2.75 + 0.25, 6.5, 11.0 + 0.25}, 0.26);
  }
  EXPECT_NE(product_problem({2}, 2).find("2 scales along axis 2, which has size 3"), std::string::npos);
  EXPECT_NE(product_problem({5}, 5).find("5 scales along axis 2, which has size 3"), std::string::npos);
  EXPECT_NE(product_problem({3}, 5).find("3 scales with 5 zero points"), std::string::npos);
  EXPECT_NE(product_problem({1, 4, 1}, 4).find("input 4 of shape [1, 4, 1]"), std::string::npos);
}

TEST(integer_operators, one_constant_is_dequantized_once) {
  OnnxBuilder b(13);
  b.input("x", {"1", "64"}).output("y").floats("s", {}, {0.01f}).integers("z", {}, {0}, kOnnxInt8);
  b.integers("w", {64, 64}, std::vector<int64_t>(64 * 64, 3), kOnnxInt8);
  b.node("QuantizeLinear", {"x", "s", "z"}, {"q0"});
  for (int i = 0; i < 40; ++i)
    b.node("QLinearMatMul", {"q" + std::to_string(i), "s", "z", "w", "s", "z", "s", "z"},
           {"q" + std::to_string(i + 1)});
  b.node("DequantizeLinear", {"q40", "s", "z"}, {"y"});
  const Graph graph = b.graph().value();
  std::set<TensorId> weights;
  for (const Node& node : graph.nodes) {
    for (TensorId id : node.inputs) {
      if (id != kNoTensor && graph.tensor(id).is_constant() && graph.desc(id).shape.size() == 2) weights.insert(id);
    }
  }
  EXPECT_LE(weights.size(), 40u);
  EXPECT_GE(weights.size(), 1u);
  std::set<const void*> stored;  // none but those that nodes read
  for (const Tensor& tensor : graph.tensors) {
    if (tensor.is_constant() && tensor.desc.shape.size() == 2) stored.insert(tensor.constant->bytes.data());
  }
  EXPECT_LE(stored.size(), weights.size() + 2);
}

TEST(integer_operators, numbers_that_make_no_sense_are_said) {
  auto infinite = start(true);
  infinite.floats("inf", {}, {std::numeric_limits<float>::infinity()});
  infinite.node("DequantizeLinear", {"a", "inf", "zx"}, {"y"}, {}, "d");
  EXPECT_NE(infinite.problem().find("a scale is inf"), std::string::npos) << infinite.problem();
  auto bias = start(true);
  conv_weights(bias);
  bias.integers("short", {3}, {1, 2, 3}, kOnnxInt32);
  bias.node("QLinearConv", {"a", "sx", "zx", "w", "sw", "zw", "sy", "zy", "short"}, {"q"}, {{"group", int64_t{2}}}, "c")
      .node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  EXPECT_NE(bias.problem().find("'c': a bias of 3 elements with 4 scales"), std::string::npos) << bias.problem();
}

TEST(integer_operators, softmax_without_an_axis_is_over_the_last) {
  expect_same(
      "Softmax", no_constants,
      [](auto& b) {
        b.node("QLinearSoftmax", {"b", "sz", "zz", "sy", "zy"}, {"q"}, {{"opset", int64_t{11}}}, "", kMicrosoft);
      },
      [](auto& b) {
        b.node("Softmax", {"br"}, {"f"}, {{"axis", int64_t{-1}}});
      },
      11);
}

TEST(integer_operators, what_cannot_be_read_is_named) {
  OnnxBuilder b(13);
  b.input("x", {"2", "3"}, kOnnxUint8).output("y").integers("w", {3, 2}, {1, 2, 3, 4, 5, 6}, kOnnxInt8);
  b.node("MatMulInteger", {"x", "w"}, {"y"}, {}, "product");
  EXPECT_NE(b.problem().find("'product': supported behind DynamicQuantizeLinear only"), std::string::npos)
      << b.problem();
  auto last = start(true);
  conv_weights(last);
  last.node("QLinearConv", {"a", "sx", "zx", "w", "sw", "zw", "sy", "zy", "bias"}, {"q"},
            {{"channels_last", int64_t{1}}}, "layer", kMicrosoft)
      .node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  EXPECT_NE(last.problem().find("'layer': channels_last"), std::string::npos) << last.problem();
  auto few = start(true);
  few.node("QLinearConcat", {"sy", "zy", "a", "sx"}, {"q"}, {{"axis", int64_t{1}}}, "join", kMicrosoft)
      .node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  EXPECT_NE(few.problem().find("'join': 4 inputs"), std::string::npos) << few.problem();
  auto without = start(true);
  without.node("QLinearConv", {"a", "sx", "zx"}, {"q"}, {}, "bare").node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  EXPECT_NE(without.problem().find("'bare': input 3 is missing"), std::string::npos) << without.problem();
  auto computed = start(true);  // a scale that is not known
  conv_weights(computed);
  computed.node("ReduceMax", {"x"}, {"s"}, {{"keepdims", int64_t{0}}})
      .node("QLinearConv", {"a", "s", "zx", "w", "sw", "zw", "sy", "zy"}, {"q"}, {{"group", int64_t{2}}}, "layer")
      .node("DequantizeLinear", {"q", "sy", "zy"}, {"y"});
  EXPECT_NE(computed.problem().find("must be a constant"), std::string::npos) << computed.problem();
}

}  // namespace
}  // namespace nibble::test

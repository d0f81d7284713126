// ONNX operators that are read as a few others in a row.
#include <algorithm>
#include <numeric>

#include "tests/converter/oracle_run.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

std::vector<double> compute(const OnnxBuilder& builder, const Floats& x, const DimBindings& dims = {}) {
  const auto graph = builder.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  return graph ? run_one(*graph, x, dims) : std::vector<double>{};
}

OnnxBuilder model(const OnnxNames& dims, int64_t opset = 13) {
  OnnxBuilder b(opset);
  b.input("x", dims).output("y");
  return b;
}

TEST(onnx_composed, einsum_multiplies_and_sums_over_labels) {
  const Floats x = noise(2 * 3 * 4, 3);  // [2, 3, 4]
  const Floats w = noise(4 * 3 * 5, 4);  // [4, 3, 5]
  const auto at = [&](size_t a, size_t b, size_t c) { return static_cast<double>(x[(a * 3 + b) * 4 + c]); };
  const auto of = [&](size_t c, size_t b, size_t d) { return static_cast<double>(w[(c * 3 + b) * 5 + d]); };
  for (const bool free : {false, true}) {
    for (const std::string equation : {"abc,cbd->ad", " abc , cbd -> da", "cbd,abc->ad", "abc,cbd"}) {
      auto b = model({free ? "N" : "2", "3", "4"});
      b.floats("w", {4, 3, 5}, w);
      const bool swapped = equation[0] == 'c';
      b.node("Einsum", {swapped ? "w" : "x", swapped ? "x" : "w"}, {"y"}, {{"equation", equation}});
      std::vector<double> expected(10, 0.0);
      for (size_t a = 0; a < 2; ++a) {
        for (size_t d = 0; d < 5; ++d) {
          double sum = 0.0;
          for (size_t i = 0; i < 3; ++i) {
            for (size_t c = 0; c < 4; ++c) sum += at(a, i, c) * of(c, i, d);
          }
          expected[equation.find("da") == std::string::npos ? a * 5 + d : d * 2 + a] = sum;
        }
      }
      SCOPED_TRACE(equation);
      expect_close(compute(b, x, free ? DimBindings{{"N", 2}} : DimBindings{}), expected, 1e-5);
    }
  }
}

TEST(onnx_composed, einsum_keeps_labels_that_both_have) {
  const Floats x = noise(2 * 3, 3);
  auto outer = model({"2", "3"});  // y[b, a, c] = x[a, b] * x[c, b]
  outer.node("Einsum", {"x", "x"}, {"y"}, {{"equation", std::string("ab,cb->bac")}});
  std::vector<double> expected;
  for (size_t b = 0; b < 3; ++b) {
    for (size_t a = 0; a < 2; ++a) {
      for (size_t c = 0; c < 2; ++c)
        expected.push_back(static_cast<double>(x[a * 3 + b]) * static_cast<double>(x[c * 3 + b]));
    }
  }
  expect_close(compute(outer, x), expected, 1e-6);
  auto one = model({"2", "3"});  // sums over a
  one.node("Einsum", {"x"}, {"y"}, {{"equation", std::string("ab->b")}});
  expect_close(compute(one, {1, 2, 3, 10, 20, 30}), {11, 22, 33}, 1e-6);
  auto turned = model({"2", "3"});
  turned.node("Einsum", {"x"}, {"y"}, {{"equation", std::string("ij->ji")}});
  expect_close(compute(turned, {1, 2, 3, 4, 5, 6}), {1, 4, 2, 5, 3, 6}, 0);
}

TEST(onnx_composed, einsum_refuses_what_it_cannot_say) {
  const auto problem = [](const std::string& equation, const OnnxNames& inputs = {"x", "x"}) {
    auto b = model({"2", "3"});
    b.node("Einsum", inputs, {"y"}, {{"equation", equation}}, "e");
    return b.problem();
  };
  for (const char* equation : {"aa,ab->ab", "...a,ab->b", "ab,ab,ab->a", "abc,ab->a", "ab,ab->z", "ab,ba->ab", "", "->",
                               ",", "ab->", "ab,ab->aa"}) {
    const std::string found = problem(equation);
    EXPECT_EQ(found.rfind("Einsum 'e': ", 0), 0u) << equation << ": " << found;
  }
}

TEST(onnx_composed, mean_and_variance_are_taken_out) {
  auto b = model({"1", "2", "1", "2"});
  b.node("MeanVarianceNormalization", {"x"}, {"y"});
  expect_close(compute(b, {1, 3, 10, 30}), {-1, 1, -1, 1}, 1e-5);
  auto all = model({"1", "2", "1", "2"});
  all.node("MeanVarianceNormalization", {"x"}, {"y"}, {{"axes", std::vector<int64_t>{1, 3}}});
  expect_close(compute(all, {-3, -1, 1, 3}), {-3 / std::sqrt(5), -1 / std::sqrt(5), 1 / std::sqrt(5), 3 / std::sqrt(5)},
               1e-5);
}

TEST(onnx_composed, norms_of_windows) {
  const std::vector<int64_t> two{2, 2}, pads{1, 0, 0, 0};
  auto b = model({"1", "1", "2", "2"});
  b.node("LpPool", {"x"}, {"y"}, {{"kernel_shape", two}, {"pads", pads}});
  expect_close(compute(b, {3, -4, 12, 5}), {5, std::sqrt(9.0 + 16 + 144 + 25)}, 1e-5);
  auto one = model({"1", "1", "2", "2"});
  one.node("LpPool", {"x"}, {"y"}, {{"kernel_shape", two}, {"p", int64_t{1}}});
  expect_close(compute(one, {3, -4, 12, 5}), {24}, 1e-5);
  auto whole = model({"1", "2", "1", "2"});
  whole.node("GlobalLpPool", {"x"}, {"y"});
  expect_close(compute(whole, {3, -4, 12, 5}), {5, 13}, 1e-5);
  auto third = model({"1", "1", "2", "2"});
  third.node("LpPool", {"x"}, {"y"}, {{"kernel_shape", two}, {"p", int64_t{3}}}, "pool");
  EXPECT_NE(third.problem().find("'pool': p is 3"), std::string::npos) << third.problem();
}

TEST(onnx_composed, sums_of_logarithms_and_swish) {
  for (const int64_t opset : {11, 13, 18}) {
    auto b = model({"2", "2"}, opset);
    const std::vector<int64_t> axes{1};
    b.integers("axes", {1}, axes);
    const std::vector<OnnxAttribute> keep{{"keepdims", int64_t{0}}};
    auto named = keep;
    named.push_back({"axes", axes});
    b.node("ReduceLogSum", opset < 18 ? OnnxNames{"x"} : OnnxNames{"x", "axes"}, {"y"}, opset < 18 ? named : keep);
    expect_close(compute(b, {1, 2, 3, 4}), {std::log(3.0), std::log(7.0)}, 1e-6);
  }
  auto b = model({"2"});
  b.node("Swish", {"x"}, {"y"}, {{"alpha", 2.0f}});
  expect_close(compute(b, {1, -0.5f}), {1 / (1 + std::exp(-2.0)), -0.5 / (1 + std::exp(1.0))}, 1e-6);
  auto like = model({"2"});
  like.floats("f", {}, {1}).node("CastLike", {"x", "f"}, {"y"});
  expect_close(compute(like, {1.25f, 2}), {1.25, 2}, 0);
}

TEST(onnx_composed, what_is_ambiguous_or_odd_is_refused) {
  auto empty = model({"2"}, 18);
  empty.node("ReduceLogSum", {"x"}, {"y"}, {{"noop_with_empty_axes", int64_t{1}}}, "r");
  EXPECT_NE(empty.problem().find("'r': noop_with_empty_axes"), std::string::npos) << empty.problem();
  auto flat = model({"2", "3"});
  flat.node("GlobalLpPool", {"x"}, {"y"}, {}, "p");
  EXPECT_NE(flat.problem().find("'p': an input of rank 2"), std::string::npos) << flat.problem();
  auto real = model({"1", "1", "2", "2"}, 1);
  real.node("LpPool", {"x"}, {"y"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"p", 1.0f}});
  expect_close(compute(real, {3, -4, 12, 5}), {24}, 1e-5);
  auto sizes = model({"2", "3"});
  sizes.node("Einsum", {"x", "x"}, {"y"}, {{"equation", std::string("ab,bc->ac")}}, "e");
  EXPECT_NE(sizes.problem().find("the axis 'b' has two sizes, 3 and 2"), std::string::npos) << sizes.problem();
  auto twice = model({"2", "3"});
  twice.node("Einsum", {"x"}, {"y"}, {{"equation", std::string("aa->a")}}, "e");
  EXPECT_NE(twice.problem().find("has the label 'a' twice"), std::string::npos) << twice.problem();
  auto length = model({"2", "3"});
  length.node("Einsum", {"x"}, {"y"}, {{"equation", std::string(1000, ',')}}, "e");
  EXPECT_LT(length.problem().size(), 250u) << length.problem();
}

TEST(onnx_composed, names_of_parts_are_nobody_elses) {
  auto b = model({"2"});
  b.node("Relu", {"x"}, {"y:Sigmoid:0"}).node("Swish", {"x"}, {"z"}, {}, "swish");
  b.node("Swish", {"y:Sigmoid:0"}, {"y:Mul:1"}).node("Add", {"y:Mul:1", "z"}, {"y"});
  const double s = 1 / (1 + std::exp(-1.0)), t = 1 / (1 + std::exp(2.0));
  expect_close(compute(b, {1, -2}), {2 * s, -2 * t}, 1e-6);
  auto own = model({"2"});
  own.node("Relu", {"x"}, {"z:Sigmoid:0"}).node("Swish", {"x"}, {"z"}).node("Sub", {"z:Sigmoid:0", "z"}, {"y"});
  expect_close(compute(own, {1, -2}), {1 - s, 2 * t}, 1e-6);
}

TEST(onnx_composed, a_fused_activation_takes_the_parameter_it_names) {
  auto gemm = model({"1", "1"});
  gemm.floats("w", {1, 1}, {1});
  gemm.node("FusedGemm", {"x", "w"}, {"y"}, {{"activation", std::string("HardSigmoid")}, {"activation_beta", 0.25f}},
            "", kMicrosoft);
  expect_close(compute(gemm, {1}), {0.2 + 0.25}, 1e-6);
}

TEST(onnx_composed, root_mean_square_normalization) {
  for (const char* type : {"RMSNormalization", "SimplifiedLayerNormalization"}) {
    auto b = model({"1", "2"});
    b.floats("s", {2}, {2, 1}).node(type, {"x", "s"}, {"y"}, {{"epsilon", 0.0f}});
    expect_close(compute(b, {3, 4}), {6 / std::sqrt(12.5), 4 / std::sqrt(12.5)}, 1e-5);
  }
}

TEST(onnx_composed, fused_layers) {
  const auto conv = [](const std::string& activation, const std::vector<float>& parameters, const Floats& x,
                       bool added) {
    auto b = model({"1", "1", "1", "4"});
    b.floats("w", {1, 1, 1, 1}, {2}).floats("c", {1}, {-1}).floats("z", {1}, {0.25f});
    std::vector<OnnxAttribute> attributes{{"activation", activation}};
    if (!parameters.empty()) attributes.push_back({"activation_params", parameters});
    b.node("FusedConv", added ? OnnxNames{"x", "w", "c", "z"} : OnnxNames{"x", "w", "c"}, {"y"}, attributes, "",
           kMicrosoft);
    return compute(b, x);
  };
  const Floats x{0, 0.25f, 1, 4};  // the convolution gives -1, -0.5, 1, 7
  expect_close(conv("Relu", {}, x, false), {0, 0, 1, 7}, 1e-6);
  expect_close(conv("Relu", {}, x, true), {0, 0, 1.25, 7.25}, 1e-6);
  expect_close(conv("LeakyRelu", {0.5f}, x, false), {-0.5, -0.25, 1, 7}, 1e-6);
  expect_close(conv("Clip", {-0.75f, 6}, x, false), {-0.75, -0.5, 1, 6}, 1e-6);
  expect_close(conv("HardSigmoid", {0.25f, 0.5f}, x, false), {0.25, 0.375, 0.75, 1}, 1e-6);
  auto unknown = model({"1", "1", "1", "4"});
  unknown.floats("w", {1, 1, 1, 1}, {2});
  unknown.node("FusedConv", {"x", "w"}, {"y"}, {{"activation", std::string("Sine")}}, "f", kMicrosoft);
  EXPECT_NE(unknown.problem().find("'f': the activation 'Sine'"), std::string::npos) << unknown.problem();

  auto gemm = model({"1", "2"});
  gemm.floats("w", {1, 2}, {3, -5}).floats("c", {1}, {1});
  gemm.node("FusedGemm", {"x", "w", "c"}, {"y"},
            {{"transB", int64_t{1}}, {"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.5f}}, "",
            kMicrosoft);
  expect_close(compute(gemm, {1, 2}), {-3}, 1e-6);
  auto product = model({"1", "2"});
  product.floats("w", {1, 2}, {3, -5});
  product.node("FusedMatMul", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}, {"alpha", 2.0f}}, "", kMicrosoft);
  expect_close(compute(product, {1, 2}), {-14}, 1e-6);
  auto gelu = model({"2"});
  gelu.floats("c", {2}, {0.5f, -1}).node("BiasGelu", {"x", "c"}, {"y"}, {}, "", kMicrosoft);
  expect_close(compute(gelu, {0.5f, 1}), {0.5 * (1 + std::erf(std::sqrt(0.5))), 0}, 1e-5);
  auto quick = model({"1"});
  quick.node("QuickGelu", {"x"}, {"y"}, {}, "", kMicrosoft);
  expect_close(compute(quick, {1}), {1 / (1 + std::exp(-1.702))}, 1e-5);
}

}  // namespace
}  // namespace nibble::test

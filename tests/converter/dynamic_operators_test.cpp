// Layers that quantize their input by its own range (DynamicQuantizeLinear): read where its scale comes back, else
// refused.
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

using Body = std::function<void(OnnxBuilder&)>;

TEST(dynamic_operators, layers_take_their_input_as_it_was) {
  const std::vector<int64_t> w{9, -3, 100, 7, -50, 60};
  const auto build = [&](const Body& layer) {
    OnnxBuilder b(13);
    b.input("x", {"2", "3"}).output("y").integers("w", {3, 2}, w, kOnnxInt8).floats("sw", {2}, {0.5f, 0.25f});
    b.integers("zw", {2}, {1, -2}, kOnnxInt8).floats("c", {2}, {10, 20});
    b.node("DynamicQuantizeLinear", {"x"}, {"xq", "s", "z"});
    layer(b);
    return b;
  };
  const Floats x{0.5f, -1, 2, 0.25f, 3, -0.125f};
  std::vector<double> whole;  // x times (w - zw)
  for (size_t i = 0; i < 2; ++i) {
    for (size_t j = 0; j < 2; ++j) {
      double sum = 0;
      for (size_t k = 0; k < 3; ++k)
        sum += static_cast<double>(x[i * 3 + k]) * static_cast<double>(w[k * 2 + j] - (j == 0 ? 1 : -2));
      whole.push_back(sum);
    }
  }
  std::vector<double> scaled, shifted;
  for (size_t i = 0; i < 4; ++i) {
    scaled.push_back(whole[i] * (i % 2 ? 0.25 : 0.5));
    shifted.push_back(scaled.back() + (i % 2 ? 20 : 10));
  }
  const auto written_out = build([](auto& b) {
    b.node("MatMulInteger", {"xq", "w", "z", "zw"}, {"i"}).node("Cast", {"i"}, {"f"}, {{"to", int64_t{kOnnxFloat}}});
    b.node("Mul", {"s", "sw"}, {"ss"}).node("Mul", {"f", "ss"}, {"y"});
  });
  expect_close(run_one(written_out.graph().value(), x), scaled, 1e-5);
  const auto to_float = build([](auto& b) {
    b.node("MatMulIntegerToFloat", {"xq", "w", "s", "sw", "z", "zw", "c"}, {"y"}, {}, "", kMicrosoft);
  });
  expect_close(run_one(to_float.graph().value(), x), shifted, 1e-5);
  const auto joined = build([](auto& b) {
    b.node("DynamicQuantizeMatMul", {"x", "w", "sw", "zw", "c"}, {"y"}, {}, "", kMicrosoft);
  });
  expect_close(run_one(joined.graph().value(), x), shifted, 1e-5);
}

TEST(dynamic_operators, convolutions_are_float_with_whole_weights) {
  OnnxBuilder b(13);
  b.input("x", {"1", "1", "1", "3"}).output("y").integers("w", {1, 1, 1, 2}, {130, 120}, kOnnxUint8);
  b.integers("zw", {}, {128}, kOnnxUint8).node("DynamicQuantizeLinear", {"x"}, {"xq", "s", "z"});
  b.node("ConvInteger", {"xq", "w", "z", "zw"}, {"i"}, {{"pads", std::vector<int64_t>{0, 1, 0, 0}}});
  b.node("Cast", {"i"}, {"f"}, {{"to", int64_t{kOnnxFloat}}}).node("Mul", {"f", "s"}, {"y"});
  expect_close(run_one(b.graph().value(), {1, 0.5f, -2}), {-8, 2 - 4, 1 + 16}, 1e-5);
}

TEST(dynamic_operators, integers_are_no_output) {
  OnnxBuilder b(13);
  b.input("x", {"3"}).output("y").node("DynamicQuantizeLinear", {"x"}, {"y", "s", "z"});
  EXPECT_NE(b.problem().find("integers of DynamicQuantizeLinear"), std::string::npos) << b.problem();
  OnnxBuilder back(13);
  back.input("x", {"3"}).output("y").node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  back.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  expect_close(run_one(back.graph().value(), {0.5f, 7, -100}), {0.5, 7, -100}, 0);
  OnnxBuilder other(13);
  other.input("x", {"3"}).output("y").floats("scale", {}, {0.5f}).node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  other.node("DequantizeLinear", {"q", "scale", "z"}, {"y"});
  EXPECT_NE(other.problem().find("another scale"), std::string::npos) << other.problem();
}

// x [2, 3] -> DynamicQuantizeLinear "q", "s", "z", then `body`, which makes "y"; the problem that it has.
std::string dynamic_problem(const Body& body) {
  OnnxBuilder b(13);
  b.input("x", {"2", "3"}).output("y").integers("w", {3, 2}, {9, -3, 100, 7, -50, 60}, kOnnxInt8);
  b.floats("sw", {2}, {0.5f, 0.25f}).floats("half", {}, {0.5f}).integers("seven", {}, {7}, kOnnxUint8);
  b.integers("six", {1}, {6}).node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  body(b);
  return b.problem();
}

TEST(dynamic_operators, integers_keep_their_mark_through_moves) {
  const std::string none = dynamic_problem([](auto& b) {
    b.node("Reshape", {"q", "six"}, {"r"}).node("DequantizeLinear", {"r", "s", "z"}, {"y"});
  });
  EXPECT_EQ(none, "");
  const std::vector<std::pair<const char*, Body>> refused = {
      {"integers of DynamicQuantizeLinear",
       [](auto& b) {
         b.node("Reshape", {"q", "six"}, {"y"});
       }},
      {"Cast 'c': it reads what DynamicQuantizeLinear",
       [](auto& b) {
         b.node("Reshape", {"q", "six"}, {"r"}).node("Cast", {"r"}, {"y"}, {{"to", int64_t{kOnnxFloat}}}, "c");
       }},
      {"Add 'sum': it reads what",
       [](auto& b) {
         b.node("Add", {"q", "q"}, {"y"}, {}, "sum");
       }},
      {"Relu 'r': it reads what", [](auto& b) { b.node("Relu", {"q"}, {"y"}, {}, "r"); }}};
  for (const auto& [message, body] : refused) {
    const std::string found = dynamic_problem(body);
    EXPECT_NE(found.find(message), std::string::npos) << message << ": " << found;
  }
}

TEST(dynamic_operators, scales_come_back_or_are_refused) {
  const std::vector<std::pair<const char*, Body>> refused = {
      {"MatMulIntegerToFloat 'm': its DequantizeLinear: it reads DynamicQuantizeLinear with another",
       [](auto& b) {
         b.node("MatMulIntegerToFloat", {"q", "w", "half", "sw", "z"}, {"y"}, {}, "m", kMicrosoft);
       }},
      {"another scale or zero point",
       [](auto& b) {
         b.node("MatMulInteger", {"q", "w", "seven"}, {"i"}).node("Cast", {"i"}, {"f"}, {{"to", int64_t{kOnnxFloat}}});
         b.node("Mul", {"f", "s"}, {"y"});
       }},
      {"another scale or zero point",
       [](auto& b) {
         b.node("MatMulInteger", {"q", "w"}, {"y"});
       }},
      {"output 'y': it is in units of the scale",
       [](auto& b) {
         b.node("MatMulInteger", {"q", "w", "z"}, {"y"});
       }},
      {"output 'y': it is in units of the scale",
       [](auto& b) {
         b.node("MatMulInteger", {"q", "w", "z"}, {"i"}).node("Cast", {"i"}, {"y"}, {{"to", int64_t{kOnnxFloat}}});
       }},
      {"output 'y': it is in units of the scale", [](auto& b) { b.node("Identity", {"s"}, {"y"}); }},
      {"output 'y': it is in units of the scale",
       [](auto& b) {
         b.node("Mul", {"s", "sw"}, {"y"});
       }},
      {"Add 'sum': it reads what",
       [](auto& b) {
         b.node("Add", {"s", "half"}, {"y"}, {}, "sum");
       }},
      {"DynamicQuantizeMatMul 'm': it reads what",
       [](auto& b) {
         b.node("DynamicQuantizeMatMul", {"q", "w", "sw"}, {"y"}, {}, "m", kMicrosoft);
       }},
      {"output 'y': it is in units",  // of another tensor's scale
       [](auto& b) {
         b.node("Mul", {"x", "half"}, {"x2"}).node("DynamicQuantizeLinear", {"x2"}, {"q2", "s2", "z2"});
         b.node("MatMulInteger", {"q", "w", "z"}, {"i"}).node("Cast", {"i"}, {"f"}, {{"to", int64_t{kOnnxFloat}}});
         b.node("Mul", {"f", "s2"}, {"y"});
       }}};
  for (const auto& [message, body] : refused) {
    const std::string found = dynamic_problem(body);
    EXPECT_NE(found.find(message), std::string::npos) << message << ": " << found;
  }
}

TEST(dynamic_operators, a_product_of_two_dynamic_tensors_takes_both_scales) {
  OnnxBuilder b(13);
  b.input("x", {"2", "2"}).output("y").node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  b.floats("two", {}, {2}).node("Mul", {"x", "two"}, {"m"}).node("DynamicQuantizeLinear", {"m"}, {"q2", "s2", "z2"});
  b.node("MatMulInteger", {"q", "q2", "z", "z2"}, {"i"}).node("Cast", {"i"}, {"f"}, {{"to", int64_t{kOnnxFloat}}});
  b.node("Mul", {"s", "s2"}, {"ss"}).node("Mul", {"f", "ss"}, {"y"});
  expect_close(run_one(b.graph().value(), {1, 2, -1, 3}), {-2, 16, -8, 14}, 1e-5);
}

}  // namespace
}  // namespace nibble::test

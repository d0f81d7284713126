// Damages small ONNX files in many ways and imports them: no crash, no hang, no allocation without bound. What happens
// is the same in every run.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/onnx_builder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using nibble::test::OnnxBuilder;
using Ints = std::vector<int64_t>;

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

std::vector<OnnxBuilder> seeds() {
  std::vector<OnnxBuilder> out;
  auto& picture = out.emplace_back(13);
  picture.input("x", {"1", "2", "6", "6"})
      .output("y")
      .floats("w", {4, 1, 3, 3}, std::vector<float>(36, 0.5f))
      .floats("p", {4}, {1, 2, 3, 4});
  picture.integers("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1}).node("Pad", {"x", "pads"}, {"a"}, {{"mode", "constant"}});
  picture.node("Conv", {"a", "w", "p"}, {"b"},
               {{"group", int64_t{2}}, {"strides", Ints{2, 2}}, {"dilations", Ints{1, 1}}, {"auto_pad", "SAME_UPPER"}});
  picture.node("BatchNormalization", {"b", "p", "p", "p", "p"}, {"c"}, {{"epsilon", 0.01f}})
      .node("Clip", {"c"}, {"d"})
      .node("Sigmoid", {"d"}, {"e"});
  picture.node("Mul", {"d", "e"}, {"f"})
      .node("MaxPool", {"f"}, {"y"}, {{"kernel_shape", Ints{2, 2}}, {"ceil_mode", int64_t{1}}});

  auto& shapes = out.emplace_back(13);
  shapes.input("x", {"N", "C", "4"})
      .output("y")
      .integers("zero", {1}, {0})
      .integers("one", {1}, {1})
      .integers("rest", {1}, {-1})
      .integers("n", {}, {3});
  shapes.node("Shape", {"x"}, {"s"})
      .node("Gather", {"s", "zero"}, {"a"})
      .node("Slice", {"s", "one", "rest", "zero", "one"}, {"b"})
      .node("Mul", {"b", "one"}, {"c"});
  shapes.node("Concat", {"a", "rest"}, {"d"}, {{"axis", int64_t{0}}})
      .node("Reshape", {"x", "d"}, {"e"})
      .node("Range", {"n", "n", "one"}, {"r"});
  shapes.node("ConstantOfShape", {"one"}, {"f"})
      .node("Unsqueeze", {"e", "one"}, {"g"})
      .node("Expand", {"g", "one"}, {"h"})
      .node("Tile", {"f", "one"}, {"t"});
  shapes.node("ReduceSum", {"h", "one"}, {"i"}, {{"keepdims", int64_t{0}}})
      .node("Softmax", {"i"}, {"y"}, {{"axis", int64_t{-1}}});

  auto& quantized = out.emplace_back(13);
  quantized.input("x", {"1", "2"}).output("y").floats("s", {}, {0.5f}).integers("z", {}, {3}, nibble::test::kOnnxUint8);
  quantized.integers("w", {2, 2}, {1, -2, 3, -4}, nibble::test::kOnnxInt8)
      .floats("sw", {2}, {0.5f, 0.25f})
      .integers("zw", {2}, {0, 0}, nibble::test::kOnnxInt8);
  quantized.node("QuantizeLinear", {"x", "s", "z"}, {"a"})
      .node("DequantizeLinear", {"a", "s", "z"}, {"b"})
      .node("DequantizeLinear", {"w", "sw", "zw"}, {"c"}, {{"axis", int64_t{1}}});
  quantized.node("Gemm", {"b", "c"}, {"d"}, {{"alpha", 2.0f}, {"transB", int64_t{1}}})
      .node("LayerNormalization", {"d", "sw"}, {"y"}, {{"axis", int64_t{-1}}});

  auto& moves = out.emplace_back(11);
  moves.input("x", {"1", "4", "4", "4"})
      .output("y")
      .output("q")
      .floats("scales", {4}, {1, 1, 2, 2})
      .floats("w", {4, 2, 2, 2}, std::vector<float>(32, 1.0f));
  moves.node("Resize", {"x", "", "scales"}, {"a"},
             {{"mode", "cubic"}, {"coordinate_transformation_mode", "half_pixel"}});
  moves.node("ConvTranspose", {"a", "w"}, {"b"},
             {{"group", int64_t{2}}, {"output_shape", Ints{8, 8}}, {"output_padding", Ints{0, 0}}});
  moves.node("DepthToSpace", {"b"}, {"c"}, {{"blocksize", int64_t{2}}})
      .node("Transpose", {"c"}, {"d"}, {{"perm", Ints{0, 2, 3, 1}}})
      .node("Split", {"d"}, {"y", "e"}, {{"axis", int64_t{1}}, {"split", Ints{8, 8}}});
  moves.node("ArgMax", {"e"}, {"q"}, {{"axis", int64_t{-1}}, {"keepdims", int64_t{0}}});

  constexpr const char* kMicrosoft = "com.microsoft";
  auto& integers = out.emplace_back(13);
  integers.input("x", {"1", "2", "2", "2"})
      .output("y")
      .floats("s", {}, {0.5f})
      .integers("z", {}, {3}, nibble::test::kOnnxUint8);
  integers.integers("w", {2, 1, 1, 1}, {7, -9}, nibble::test::kOnnxInt8)
      .floats("sw", {2}, {0.5f, 0.25f})
      .integers("zw", {2}, {0, 0}, nibble::test::kOnnxInt8)
      .integers("b", {2}, {5, 6}, nibble::test::kOnnxInt32);
  integers.node("QuantizeLinear", {"x", "s", "z"}, {"a"})
      .node("QLinearConv", {"a", "s", "z", "w", "sw", "zw", "s", "z", "b"}, {"c"}, {{"group", int64_t{2}}})
      .node("QLinearConcat", {"s", "z", "a", "s", "z", "c", "s", "z"}, {"d"}, {{"axis", int64_t{1}}}, "", kMicrosoft)
      .node("QLinearSigmoid", {"d", "s", "z", "s", "z"}, {"e"}, {}, "", kMicrosoft)
      .node("DequantizeLinear", {"e", "s", "z"}, {"f"});
  integers.node("DynamicQuantizeLinear", {"f"}, {"g", "h", "i"})
      .integers("v", {2, 2}, {1, 2, 3, 4}, nibble::test::kOnnxInt8)
      .node("MatMulInteger", {"g", "v", "i"}, {"j"})
      .node("DynamicQuantizeMatMul", {"f", "v", "sw", "zw"}, {"k"}, {}, "", kMicrosoft)
      .node("Cast", {"j"}, {"l"}, {{"to", int64_t{1}}})
      .node("Mul", {"l", "h"}, {"m"})
      .node("Add", {"m", "k"}, {"y"});

  auto& composed = out.emplace_back(13);
  composed.input("x", {"N", "2", "3", "3"}).output("y").floats("w", {2, 4}, std::vector<float>(8, 0.5f));
  composed.node("Einsum", {"x", "w"}, {"a"}, {{"equation", "nchw,cd->ndhw"}})
      .node("Einsum", {"a", "a"}, {"b"}, {{"equation", "ndhw,ndwk->ndhk"}})
      .node("LpPool", {"b"}, {"c"}, {{"kernel_shape", Ints{2, 2}}, {"p", int64_t{2}}})
      .node("MeanVarianceNormalization", {"c"}, {"d"}, {{"axes", Ints{1, 2, 3}}})
      .node("ReduceLogSum", {"d"}, {"y"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}});
  return out;
}

// No network here needs more; an allocation beyond it ends the program.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit most{rlim_t{2} << 30, rlim_t{2} << 30};
  setrlimit(RLIMIT_AS, &most);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const int flips = argc > 1 ? std::atoi(argv[1]) : 20000;  // damaged files of each kind and network
  limit_memory();
  uint32_t state = 12345;
  const auto random = [&state](size_t below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % static_cast<uint32_t>(below);
  };
  size_t runs = 0;
  for (const OnnxBuilder& seed : seeds()) {
    const std::string problem = seed.problem();
    if (!problem.empty()) {
      std::printf("a network of this test is refused: %s\n", problem.c_str());
      return 1;
    }
    const std::string bytes = seed.bytes();
    for (size_t n = 0; n <= bytes.size(); ++n, ++runs) run(bytes.substr(0, n));
    for (int i = 0; i < flips; ++i, ++runs) {
      std::string damaged = bytes;
      for (uint32_t k = 0, many = 1 + random(4); k < many; ++k)
        damaged[random(damaged.size())] = static_cast<char>(random(256));
      run(damaged);
    }
    for (int i = 0; i < flips; ++i, ++runs) {  // numbers grow: a byte becomes a long varint
      std::string damaged = bytes;
      damaged.replace(random(damaged.size()), 1, std::string(1 + random(9), '\xff') + static_cast<char>(random(128)));
      run(damaged);
    }
    for (int i = 0; i < flips; ++i, ++runs) {  // one stretch of bytes over another
      std::string damaged = bytes;
      const size_t length = 1 + random(12), from = random(damaged.size() - length),
                   to = random(damaged.size() - length);
      damaged.replace(to, length, bytes.substr(from, length));
      run(damaged);
    }
  }
  std::printf("%zu damaged files imported or refused\n", runs);
  return 0;
}

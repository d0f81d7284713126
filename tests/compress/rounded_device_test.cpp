// Files whose weights were rounded by second order: what the converter computes with and what the kernels compute are
// the same integers. On the driver that the test runs on.
#include <gtest/gtest.h>

#include "format/reader.h"
#include "tests/compress/small_network.h"
#include "tests/support/integer_nodes.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::normal_noise;

// Stem, depthwise with a stride, residual block, grouped convolution, mean, classes; rows of 27 to 144 weights, so that
// groups of 32 end early.
test::OnnxBuilder every_kind_of_layer() {
  test::OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y");
  uint32_t seed = 900;
  const auto conv = [&](const std::string& from, const std::string& to, int64_t out, int64_t in, int64_t kernel,
                        int64_t groups, int64_t stride) {
    const auto row = static_cast<size_t>(in * kernel * kernel);
    b.floats("w_" + to, {out, in, kernel, kernel},
             normal_noise(static_cast<size_t>(out) * row, ++seed, std::sqrt(2.0f / static_cast<float>(row))));
    b.floats("b_" + to, {out}, normal_noise(static_cast<size_t>(out), ++seed, 0.1f));
    b.node("Conv", {from, "w_" + to, "b_" + to}, {to},
           {{"pads", std::vector<int64_t>(4, kernel / 2)},
            {"strides", std::vector<int64_t>(2, stride)},
            {"group", groups}},
           "conv_" + to);
  };
  conv("x", "stem", 16, 8, 3, 1, 1);
  b.node("Relu", {"stem"}, {"r0"});
  conv("r0", "dw", 16, 1, 3, 16, 2);
  b.node("Relu", {"dw"}, {"r1"});
  conv("r1", "body", 16, 16, 3, 1, 1);
  b.node("Add", {"r1", "body"}, {"sum"}, {}, "add").node("Relu", {"sum"}, {"r2"});
  conv("r2", "grouped", 24, 8, 3, 2, 1);
  b.node("Relu", {"grouped"}, {"r3"});
  b.node("GlobalAveragePool", {"r3"}, {"pool"}).node("Flatten", {"pool"}, {"flat"});
  b.floats("wf", {10, 24}, normal_noise(240, 50, 0.5f));
  b.floats("bf", {10}, normal_noise(10, 51, 0.1f));
  b.node("Gemm", {"flat", "wf", "bf"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  return b;
}

// Share of weight bytes in which two files of the same network differ.
double changed_weights(const Graph& a, const Graph& b) {
  size_t all = 0, changed = 0;
  for (size_t n = 0; n < a.nodes.size(); ++n) {
    if (!is_integer_node(a, a.nodes[n]) || multiply_adds(a, a.nodes[n]) == 0) continue;
    const auto x = a.tensor(a.nodes[n].inputs[1]).constant->bytes, y = b.tensor(b.nodes[n].inputs[1]).constant->bytes;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) changed += x[i] == y[i] ? 0u : 1u;
    all += x.size();
  }
  return static_cast<double>(changed) / static_cast<double>(std::max<size_t>(all, 1));
}

TEST(RoundedOnDevice, integers_are_those_of_the_converter) {
  const test::SmallNetworkFiles files(16, every_kind_of_layer());
  for (const std::string weights : {"int8", "int4", "lut4"}) {
    std::vector<Graph> made;
    for (const std::string rounding : {"nearest", "gptq", "cd"}) {
      SCOPED_TRACE(weights + ", " + rounding);
      const std::string path = files.path(weights + rounding + ".nbl");
      const test::ToolResult converted = test::run_tool(
          NIBBLE_CONVERT, {files.path("net.onnx"), "-o", path, "--calibrate", files.path("samples"), "--allow-noise",
                           "--no-choose", "--weights", weights, "--rounding", rounding});
      ASSERT_EQ(converted.code, 0) << converted.err;
      auto graph = read_model(path);
      ASSERT_TRUE(graph) << graph.error().message;
      made.push_back(*graph);
      EXPECT_GE(test::expect_equal_integer_nodes(*std::move(graph), {normal_noise(8 * 12 * 12, 4711, 1.0f)}), 7u);
    }
    // The roundings are what they are called, so the files say different things.
    EXPECT_GT(changed_weights(made[0], made[1]), 0.01) << weights;
    EXPECT_GT(changed_weights(made[0], made[2]), 0.01) << weights;
  }
}

}  // namespace
}  // namespace nibble

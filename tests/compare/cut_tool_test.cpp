// nibble-compare of a network that was cut: the reference is cut at the same tensors.
#include <gtest/gtest.h>

#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::run_tool;
using test::ToolResult;

TEST(CompareTool, cuts_the_reference_as_the_converted_network_was) {
  test::OnnxBuilder network = test::small_classifier();
  network.integers("k", {1}, {3}).node("TopK", {"y", "k"}, {"best", "which"}, {}, "top").output("best");
  const test::SmallNetworkFiles files(4, network);
  const std::string onnx = files.path("net.onnx"), samples = files.path("samples");
  const ToolResult converted =
      run_tool(NIBBLE_CONVERT, {onnx, "-o", files.path("cut.nbl"), "--weights", "fp32", "--outputs", "flat,y"});
  ASSERT_EQ(converted.code, 0) << converted.err;
  const ToolResult compared =
      run_tool(NIBBLE_COMPARE, {onnx, files.path("cut.nbl"), "--data", samples, "--task", "values"});
  EXPECT_EQ(compared.code, 0) << compared.err;
  for (const char* output : {"flat", "y"})
    EXPECT_NE(compared.out.find(output), std::string::npos) << output << " in:\n" << compared.out;
  // One of another network, with outputs that this one lacks, is compared whole, and what stands in its way is named.
  std::ofstream(files.path("other.onnx"), std::ios::binary) << [] {
    test::OnnxBuilder other;
    other.input("x", {"1", "8", "12", "12"}).output("z").node("Det", {"x"}, {"z"}, {}, "odd");
    return other.bytes();
  }();
  const ToolResult other =
      run_tool(NIBBLE_COMPARE, {files.path("other.onnx"), files.path("cut.nbl"), "--data", samples});
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("Det 'odd'"), std::string::npos) << other.err;
}

}  // namespace
}  // namespace nibble

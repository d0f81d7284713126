// --target-latency on a device.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::run_tool;
using test::ToolResult;

constexpr const char* kTool = NIBBLE_CONVERT;

double reported_ms(const std::string& text) {
  std::smatch match;
  return std::regex_search(text, match, std::regex("([0-9.]+) ms on '")) ? std::stod(match[1]) : -1.0;
}

TEST(TargetLatency, is_measured_layer_by_layer_and_as_a_whole) {
  const test::SmallNetworkFiles files(10);
  const auto convert = [&](const std::string& ms) {
    return run_tool(kTool, {files.path("net.onnx"), "-o", files.path("net.nbl"), "--calibrate", files.path("samples"),
                            "--allow-noise", "--target-latency", ms, "--latency-table", files.path("times.json")});
  };
  const ToolResult generous = convert("100000");
  ASSERT_EQ(generous.code, 0) << generous.err;
  EXPECT_GT(reported_ms(generous.out), 0.0) << generous.out;
  EXPECT_EQ(generous.out.find("; 0 layers measured"), std::string::npos) << generous.out;
  EXPECT_FALSE(files.bytes("times.json").empty());
  // Times are in the file now.
  const ToolResult again = convert("100000");
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.out.find("; 0 layers measured"), std::string::npos) << again.out;
  // No device is that fast.
  const ToolResult missed = convert("0.00001");
  EXPECT_EQ(missed.code, 3);
  EXPECT_NE(missed.err.find("--target-latency"), std::string::npos) << missed.err;
  EXPECT_NE(missed.err.find("conv"), std::string::npos) << missed.err;
  EXPECT_FALSE(files.bytes("net.nbl").empty());
}

// The promise against a run of its own: the bound lies between the fastest and the slowest there is.
TEST(TargetLatency, is_kept_by_the_file_as_another_program_measures_it) {
  const test::SmallNetworkFiles files(10);
  const auto convert = [&](const std::string& ms) {
    return run_tool(kTool, {files.path("net.onnx"), "-o", files.path("net.nbl"), "--calibrate", files.path("samples"),
                            "--allow-noise", "--target-latency", ms, "--report", files.path("net.json")});
  };
  const double full = reported_ms(convert("100000").out);
  ASSERT_GT(full, 0.0);
  const ToolResult result = convert(std::to_string(50.0 * full));
  ASSERT_EQ(result.code, 0) << result.err;
  const double promised = reported_ms(result.out);
  EXPECT_LE(promised, 50.0 * full);
  EXPECT_NE(files.bytes("net.json").find("ms of processor time"), std::string::npos);
  const ToolResult bench =
      run_tool(NIBBLE_BENCH, {files.path("net.nbl"), "--no-steps", "--json", files.path("bench.json")});
  ASSERT_EQ(bench.code, 0) << bench.err;
  const auto json = nlohmann::json::parse(files.bytes("bench.json"));
  const double median = json["models"][0]["latency_ms"]["median"].get<double>();
  // Another unit or another network would be further off than a machine that is busy during one of the two.
  EXPECT_LT(median, 50.0 * promised);
  EXPECT_GT(median, promised / 50.0);
}

}  // namespace
}  // namespace nibble

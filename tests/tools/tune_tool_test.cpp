#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "media/media_testing.h"
#include "tool_models.h"
#include "tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(TuneTool, measures_keeps_and_knows_it_the_next_time) {
  const TempFolder folder;
  write_convolution(folder / "net.nbl");
  const std::vector<std::string> call = {folder / "net.nbl", "--pipeline-cache", folder / "cache.bin"};
  const ToolResult first = run_tool(NIBBLE_TUNE, call);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(has(first.err, "problem 1 of 1: conv")) << first.err;
  EXPECT_TRUE(has(first.out, "untuned") && has(first.out, "conv2d_w32_f32")) << first.out;
  EXPECT_TRUE(has(first.out, "1 of 1 problems measured")) << first.out;
  EXPECT_TRUE(has(first.out, "whole network: untuned")) << first.out;
  if (has(first.out, "not faster")) GTEST_SKIP() << "the machine was too noisy for anything to be kept";
  ASSERT_TRUE(std::filesystem::exists(folder / "cache.bin"));
  const ToolResult second = run_tool(NIBBLE_TUNE, call);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(has(second.out, "0 of 1 problems measured")) << second.out;
  EXPECT_TRUE(has(second.out, "1 known from before")) << second.out;
}

TEST(TuneTool, too_short_a_limit_is_said_and_no_error) {
  const TempFolder folder;
  write_convolution(folder / "net.nbl");
  const ToolResult result =
      run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "cache.bin", "--time-limit", "0"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(has(result.out, "give it more time")) << result.out;
}

TEST(TuneTool, nothing_to_choose_is_said) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  EXPECT_TRUE(has(output_of(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "cache.bin"}),
                  "nothing in this network"));
}

TEST(TuneTool, a_damaged_cache_is_named_and_replaced) {
  const TempFolder folder;
  write_convolution(folder / "net.nbl");
  std::ofstream(folder / "cache.bin") << "something else";
  const ToolResult result =
      run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "cache.bin", "--time-limit", "0"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(has(result.err, "note: pipeline cache") && has(result.err, "is not used")) << result.err;
  const ToolResult second =
      run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "cache.bin", "--time-limit", "0"});
  EXPECT_FALSE(has(second.err, "note:")) << second.err;
}

TEST(TuneTool, refuses_what_cannot_be_meant_before_it_measures) {
  const TempFolder folder;
  write_convolution(folder / "net.nbl");
  expect_refused(run_tool(NIBBLE_TUNE, {}), {"which .nbl file?"});
  expect_refused(run_tool(NIBBLE_TUNE, {folder / "net.nbl"}), {"where shall the results be kept?"});
  expect_refused(run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "no/such/folder/cache.bin"}),
                 {"no/such/folder"});
  expect_refused(run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--time-limit", "-1"}), {"--time-limit"});
  expect_refused(run_tool(NIBBLE_TUNE, {folder / "net.nbl", "--pipeline-cache", folder / "c", "--dim", "Q=1"}), {"Q"});
}

}  // namespace
}  // namespace nibble::test

// nibble-shapes as a user calls it. Needs no device.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "format/reader.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using test::expect_refused;
using test::output_of;
using test::run_tool;

constexpr const char* kTool = NIBBLE_SHAPES;

class ShapesTool : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("nibble_shapes_tool_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    std::ofstream(path("mine.txt")) << "input c3 s16\nconv c8 k3 s2 relu  # the only layer\nmean\n";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

TEST_F(ShapesTool, writes_a_file_a_format_and_says_that_weights_are_random) {
  const std::string out =
      output_of(kTool, {"conv1x1_1024_7", path("mine.txt"), "--weights", "fp32,int4", "-o", path("new")});
  EXPECT_NE(out.find("random weights"), std::string::npos) << out;
  for (const char* name : {"conv1x1_1024_7.fp32.nbl", "conv1x1_1024_7.int4.nbl", "mine.fp32.nbl", "mine.int4.nbl"}) {
    const auto graph = read_model(path(std::string("new/") + name));
    ASSERT_TRUE(graph) << name << ": " << graph.error().message;
    EXPECT_NE(graph->metadata.at("weights").find("random"), std::string::npos) << name;
  }
}

TEST_F(ShapesTool, puts_what_differs_from_the_list_into_the_name) {
  output_of(kTool, {path("mine.txt"), "--size", "32", "--batch", "2", "--channels", "2", "-o", path("new")});
  const auto graph = read_model(path("new/mine.s32.b2.c2.int8.nbl"));
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(to_string(graph->desc(graph->inputs[0]).shape), "[2, 3, 32, 32]");
  EXPECT_EQ(to_string(graph->desc(graph->outputs[0]).shape), "[2, 16]");
}

TEST_F(ShapesTool, lists_networks) {
  const std::string out = output_of(kTool, {"--list"});
  for (const char* word : {"resnet50", "4.1000 G", "He et al.", "nanodet_m", "llama_7b", "depthwise_512_14"})
    EXPECT_NE(out.find(word), std::string::npos) << word;
}

TEST_F(ShapesTool, refuses_what_it_cannot_make) {
  expect_refused(run_tool(kTool, {"resnet5"}), {"'resnet5'", "--list"});
  const std::vector<std::pair<std::vector<std::string>, std::string>> options = {
      {{}, "networks"},
      {{"resnet18", "--weights", "int3"}, "int3"},
      {{"resnet18", "--size", "0"}, "--size"},
      {{"resnet18", "--size", "1e9"}, "--size"},
      {{"resnet18", "--channels", "0"}, "--channels"},
      {{"resnet18", "--batch", "-1"}, "--batch"},
  };
  for (const auto& [arguments, word] : options) {
    const test::ToolResult result = run_tool(kTool, arguments);
    EXPECT_NE(result.code, 0);
    EXPECT_NE(result.err.find(word), std::string::npos) << result.err;
  }
  std::ofstream(path("bad.txt")) << "input c3 s16\nconv x3\n";
  expect_refused(run_tool(kTool, {path("bad.txt"), "-o", folder_.string()}), {"bad", "line 2", "conv x3"});
  expect_refused(run_tool(kTool, {path("mine.txt"), "-o", path("mine.txt") + "/folder"}), {"folder"});
}

}  // namespace
}  // namespace nibble

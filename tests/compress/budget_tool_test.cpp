// --max-size, --max-drop and their kin as a user calls them.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "converter/plan/plan.h"
#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::run_tool;
using test::SmallNetworkFiles;
using test::ToolResult;

constexpr const char* kTool = NIBBLE_CONVERT;

ToolResult convert(const SmallNetworkFiles& files, const std::string& output, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {files.path("net.onnx"), "-o",           files.path(output), "--calibrate",
                                        files.path("samples"),  "--allow-noise"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_tool(kTool, arguments);
}

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " in:\n" << text;
}

size_t layers_of(const plan::Plan& plan, const std::string& weights) {
  return static_cast<size_t>(std::count_if(plan.layers.begin(), plan.layers.end(),
                                           [&](const plan::LayerPlan& l) { return l.weights == weights; }));
}

TEST(BudgetTool, keeps_a_bound_on_the_size_with_formats_by_layer) {
  const SmallNetworkFiles files(40);
  const auto onnx = static_cast<double>(std::filesystem::file_size(files.path("net.onnx")));
  for (const char* share : {"0.25x", "0.2x"}) {
    const ToolResult result = convert(files, "net.nbl", {"--max-size", share, "--plan-out", files.path("plan.json")});
    ASSERT_EQ(result.code, 0) << result.err;
    expect_words(result.out, {"chosen:", "size and predicted loss", "agreement"});
    EXPECT_LE(static_cast<double>(files.bytes("net.nbl").size()), std::stod(share) * onnx);
    const auto plan = plan::read(files.path("plan.json"));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(layers_of(*plan, "int4") + layers_of(*plan, "int8"), 6u);
    EXPECT_GT(layers_of(*plan, "int4") + plan->channels.size(), 0u) << share;  // narrower weights, or fewer
    EXPECT_EQ(plan->samples, 32u);                                             // the others judge
    // The plan alone makes the same file.
    const ToolResult again = convert(files, "again.nbl", {"--plan", files.path("plan.json")});
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_TRUE(files.bytes("again.nbl") == files.bytes("net.nbl")) << share;
  }
}

TEST(BudgetTool, does_not_code_what_is_not_to_be_coded) {
  const SmallNetworkFiles files;
  for (const std::vector<std::string>& bound :
       {std::vector<std::string>{"--max-size", "0.22x"}, {"--max-drop", "kl:5"}}) {
    for (const bool refused : {false, true}) {
      std::vector<std::string> arguments = bound;
      arguments.insert(arguments.end(), {"--plan-out", files.path("plan.json")});
      if (refused) arguments.push_back("--no-entropy-code");
      const ToolResult result = convert(files, "net.nbl", arguments);
      ASSERT_EQ(result.code, 0) << result.err;
      const auto plan = plan::read(files.path("plan.json"));
      ASSERT_TRUE(plan) << plan.error().message;
      EXPECT_EQ(plan->recipe.at("entropy-code"), refused ? "no" : "yes") << bound[0];
    }
  }
}

TEST(BudgetTool, finds_the_same_again) {
  const SmallNetworkFiles files;
  ASSERT_EQ(convert(files, "first.nbl", {"--max-size", "0.22x"}).code, 0);
  ASSERT_EQ(convert(files, "second.nbl", {"--max-size", "0.22x"}).code, 0);
  EXPECT_TRUE(files.bytes("first.nbl") == files.bytes("second.nbl"));
}

TEST(BudgetTool, a_generous_bound_narrows_nothing) {
  const SmallNetworkFiles files;
  const ToolResult result = convert(files, "net.nbl", {"--max-size", "1x", "--plan-out", files.path("plan.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto plan = plan::read(files.path("plan.json"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(layers_of(*plan, "int8"), 6u);
  EXPECT_EQ(plan->recipe.at("entropy-code"), "no");
}

TEST(BudgetTool, an_impossible_size_saves_the_best_and_says_who_is_to_blame) {
  const SmallNetworkFiles files;
  const ToolResult result = convert(files, "net.nbl", {"--max-size", "2k"});
  EXPECT_EQ(result.code, 3) << result.err;
  expect_words(result.err, {"--max-size", "2000", "conv5", "narrowest", "Relax"});
  const size_t best = files.bytes("net.nbl").size();
  ASSERT_GT(best, 2000u);
  // Nothing that is asked for by name is smaller.
  ASSERT_EQ(convert(files, "int4.nbl", {"--weights", "int4", "--group-size", "128", "--entropy-code"}).code, 0);
  EXPECT_LE(best, files.bytes("int4.nbl").size());
}

TEST(BudgetTool, a_bound_on_the_drop_alone_gives_the_smallest_file_that_keeps_it) {
  const SmallNetworkFiles files(40);
  const ToolResult strict = convert(files, "strict.nbl", {"--max-drop", "sqnr:37"});
  const ToolResult loose = convert(files, "loose.nbl", {"--max-drop", "kl:5"});
  ASSERT_EQ(strict.code, 0) << strict.err;
  ASSERT_EQ(loose.code, 0) << loose.err;
  EXPECT_LT(files.bytes("loose.nbl").size(), files.bytes("strict.nbl").size());
}

TEST(BudgetTool, a_drop_that_cannot_be_kept_saves_the_best_and_says_who_is_to_blame) {
  const SmallNetworkFiles files;
  const ToolResult result = convert(files, "net.nbl", {"--max-drop", "sqnr:150"});
  EXPECT_EQ(result.code, 3) << result.err;
  expect_words(result.err, {"--max-drop", "SQNR", "conv", "predicted loss"});
  EXPECT_FALSE(files.bytes("net.nbl").empty());
}

TEST(BudgetTool, multiply_adds_out_of_reach_save_the_fewest_and_say_who_is_to_blame) {
  const SmallNetworkFiles files;
  const auto macs_of = [&](const std::string& report) {
    return nlohmann::json::parse(files.bytes(report))["macs"].get<double>();
  };
  ASSERT_EQ(
      convert(files, "half.nbl", {"--weights", "fp32", "--max-macs", "0.5x", "--report", files.path("half.json")}).code,
      0);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--weights", "fp32"}, {}, {"--max-size", "1k", "--max-drop", "kl:1e-9"}}) {
    std::vector<std::string> arguments{"--max-macs",           "0.001x",     "--report",
                                       files.path("net.json"), "--plan-out", files.path("plan.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ToolResult result = convert(files, "net.nbl", arguments);
    EXPECT_EQ(result.code, 3) << result.err;
    expect_words(result.err, {"missed --max-macs", "asked for", "% of them: 'conv", "relax --max-macs"});
    if (more.size() > 2) expect_words(result.err, {"missed --max-size", "missed --max-drop"});
    EXPECT_LT(macs_of("net.json"), 0.5 * macs_of("half.json"));
    ASSERT_FALSE(files.bytes("net.nbl").empty());
    std::filesystem::rename(files.path("net.nbl"), files.path("first.nbl"));
    const ToolResult again = convert(files, "net.nbl", {"--plan", files.path("plan.json"), "--allow-collapse"});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_TRUE(files.bytes("net.nbl") == files.bytes("first.nbl")) << more.size();
  }
}

TEST(BudgetTool, refuses_before_it_starts) {
  const SmallNetworkFiles files(9);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    const ToolResult result = convert(files, "net.nbl", arguments);
    EXPECT_EQ(result.code, 1) << arguments[0] << arguments[1];
    expect_words(result.err, words);
    EXPECT_TRUE(files.bytes("net.nbl").empty());
  };
  refused({"--max-size", "0.5x"}, {"9 samples", "10"});
  for (const char* wrong : {"0", "-3", "0x10", "nan", "inf", "1e999", "4TB", "x", "0.5xx", ""}) {
    if (*wrong) refused({"--max-size", wrong}, {"--max-size", "number"});
  }
  refused({"--max-drop", "5 points"}, {"--max-drop", "number"});
  refused({"--max-drop", "loss:3"}, {"--max-drop", "top1:"});
  refused({"--max-size", "0.5x", "--plan", "plan.json"}, {"--plan", "--max-size"});
  refused({"--max-size", "0.1x", "--weights", "fp32", "--activations", "float"}, {"--max-size", "--weights"});
  refused({"--labels", "folders"}, {"--labels", "--max-drop"});
  const ToolResult none = run_tool(
      kTool, {files.path("net.onnx"), "-o", files.path("net.nbl"), "--max-size", "0.5x", "--activations", "float"});
  EXPECT_EQ(none.code, 1);
  expect_words(none.err, {"--calibrate"});
}

TEST(BudgetTool, asks_for_labels_where_they_are_needed) {
  const SmallNetworkFiles files(20);
  const ToolResult result = convert(files, "net.nbl", {"--max-drop", "top1:1"});
  EXPECT_EQ(result.code, 1);
  expect_words(result.err, {"--labels"});
}

}  // namespace
}  // namespace nibble

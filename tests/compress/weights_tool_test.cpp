// How weights are rounded and kept, as a user asks for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "converter/plan/plan.h"
#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::normal_noise;
using test::OnnxBuilder;
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

// Four 3x3 convolutions of 32 channels behind a first one, with one tensor of weights or each with its own.
OnnxBuilder tower(bool shared) {
  OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y");
  b.floats("w0", {32, 8, 3, 3}, normal_noise(32 * 72, 1, 0.17f));
  b.node("Conv", {"x", "w0"}, {"c"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "first").node("Relu", {"c"}, {"t0"});
  for (uint32_t k = 0; k < 4; ++k) {
    const std::string n = std::to_string(k), w = shared ? "w" : "w_" + n;
    if (!shared || k == 0) b.floats(w, {32, 32, 3, 3}, normal_noise(32 * 288, 2 + k, 0.08f));
    b.floats("b" + n, {32}, normal_noise(32, 20 + k, 0.1f));
    b.node("Conv", {"t" + n, w, "b" + n}, {"u" + n}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "tower" + n);
    b.node("Relu", {"u" + n}, {"t" + std::to_string(k + 1)});
  }
  b.floats("wl", {8, 32, 1, 1}, normal_noise(256, 30, 0.2f)).node("Conv", {"t4", "wl"}, {"y"}, {}, "last");
  return b;
}

TEST(WeightsTool, keeps_one_tensor_of_several_layers_once) {
  const SmallNetworkFiles shared(12, tower(true)), apart(12, tower(false));
  const std::vector<std::vector<std::string>> kinds = {
      {"--weights", "int8"}, {"--weights", "int4"}, {"--weights", "lut4"}, {"--sparsity", "2:4"}};
  for (const std::vector<std::string>& kind : kinds) {
    ASSERT_EQ(convert(shared, "net.nbl", kind).code, 0) << kind[1];
    ASSERT_EQ(convert(apart, "net.nbl", kind).code, 0) << kind[1];
    // Three of 32 * 32 * 9 weights, of half a byte or one, are not there.
    const size_t saved = apart.bytes("net.nbl").size() - shared.bytes("net.nbl").size();
    EXPECT_GT(saved, kind[1].ends_with('4') && kind[0] == "--weights" ? 12000u : 25000u) << kind[1];
  }
}

TEST(WeightsTool, follows_edited_masks_of_weights_that_layers_share) {
  const SmallNetworkFiles files(12, tower(true));
  ASSERT_EQ(convert(files, "first.nbl", {"--sparsity", "2:4", "--plan-out", files.path("plan.json")}).code, 0);
  auto edited = plan::read(files.path("plan.json"));
  ASSERT_TRUE(edited) << edited.error().message;
  const auto repeat = [&] {
    EXPECT_TRUE(plan::write(*edited, files.path("edited.json")));
    return convert(files, "edited.nbl",
                   {"--plan", files.path("edited.json"), "--plan-out", files.path("out.json"), "--allow-collapse"});
  };
  std::vector<plan::MaskPlan*> tower_masks;
  for (plan::MaskPlan& mask : edited->masks) {
    if (mask.node.starts_with("tower")) tower_masks.push_back(&mask);
  }
  ASSERT_EQ(tower_masks.size(), 4u);
  const auto clear = [](plan::MaskPlan& mask) { std::fill_n(mask.kept.begin(), mask.kept.size() / 2, false); };
  clear(*tower_masks[3]);  // not the one that is looked at first
  const ToolResult refused = repeat();
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("give both the same mask"), std::string::npos) << refused.err;
  for (plan::MaskPlan* mask : tower_masks) clear(*mask);
  const ToolResult followed = repeat();
  ASSERT_EQ(followed.code, 0) << followed.err;
  EXPECT_EQ(files.bytes("out.json"), files.bytes("edited.json"));
}

TEST(WeightsTool, rounds_every_layer_beside_and_in_a_codebook_as_asked) {
  const SmallNetworkFiles files(12);
  const auto made = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--weights", "lut4", "--plan-out", files.path("plan.json")});
    const ToolResult result = convert(files, "net.nbl", more);
    EXPECT_EQ(result.code, 0) << result.err;
    return files.bytes("net.nbl");
  };
  const std::string usual = made({});
  const auto plan = plan::read(files.path("plan.json"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->layer("conv1")->weights, "int8");  // the first layer
  EXPECT_EQ(plan->layer("conv1")->rounding, "cd");
  EXPECT_EQ(plan->layer("conv2")->weights, "lut4");
  std::set<std::string> files_made{usual};
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--rounding", "nearest"},
                                                  {"--rounding", "gptq"},
                                                  {"--rounding", "hqq"},
                                                  {"--no-bias-correction"},
                                                  {"--no-equalize"}})
    EXPECT_TRUE(files_made.insert(made(options)).second) << options[0];
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which take all addresses for themselves
TEST(WeightsTool, takes_rows_whose_second_moments_would_not_fit) {
  // 12,288 inputs: their second moments alone would take 1.2 GB.
  OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y");
  b.floats("w1", {96, 8, 3, 3}, normal_noise(96 * 72, 1, 0.17f));
  b.node("Conv", {"x", "w1"}, {"c"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv").node("Relu", {"c"}, {"r"});
  b.node("Flatten", {"r"}, {"flat"});
  b.floats("w2", {8, 96 * 144}, normal_noise(8 * 96 * 144, 2, 0.01f));
  b.node("Gemm", {"flat", "w2"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  const SmallNetworkFiles files(12, b);
  const auto limited = [&](const std::string& kilobytes, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"-c",
                                          "ulimit -v " + kilobytes + " && exec \"$0\" \"$@\"",
                                          kTool,
                                          files.path("net.onnx"),
                                          "-o",
                                          files.path("net.nbl"),
                                          "--calibrate",
                                          files.path("samples"),
                                          "--allow-noise",
                                          "--report",
                                          files.path("r.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool("/bin/sh", arguments);
  };
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--weights", "int4"}, {"--sparsity", "2:4"}, {"--max-macs", "0.9x"}}) {
    const ToolResult result = limited("1500000", more);
    const bool bounded = !more.empty() && more[0] == "--max-macs";  // nothing can go in front of rows as long as these
    EXPECT_EQ(result.code, bounded ? 3 : 0) << result.err;
    if (bounded) {
      EXPECT_NE(result.err.find("missed --max-macs"), std::string::npos) << result.err;
    }
    EXPECT_NE(files.bytes("r.json").find("without making up for errors"), std::string::npos) << result.out;
  }
}
#endif

}  // namespace
}  // namespace nibble

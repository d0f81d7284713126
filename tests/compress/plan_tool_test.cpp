// --plan-out and --plan as a user calls them.
#include <gtest/gtest.h>

#include "converter/plan/plan.h"
#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::run_tool;
using test::ToolResult;

constexpr const char* kTool = NIBBLE_CONVERT;

class PlanTool : public testing::Test {
 protected:
  ToolResult convert(const std::string& output, std::vector<std::string> more) {
    std::vector<std::string> arguments = {files_.path("net.onnx"), "-o",           files_.path(output), "--calibrate",
                                          files_.path("samples"),  "--allow-noise"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(kTool, arguments);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(files_.path(name), std::ios::binary) << text;
  }

  test::SmallNetworkFiles files_;
};

TEST_F(PlanTool, repeats_every_kind_of_file_to_the_byte) {
  const std::vector<std::vector<std::string>> kinds = {
      {"--weights", "int8"},
      {"--weights", "int4", "--group-size", "64", "--keep-wide", "conv3"},
      {"--weights", "int4", "--ranges", "percentile", "--entropy-code"},
      {"--weights", "int4", "--activations", "float"},
      {"--weights", "int8", "--scale", "po2"},
      {"--weights", "lut4"},
      {"--weights", "lut4", "--rounding", "gptq", "--no-bias-correction"},
      {"--weights", "int4", "--sparsity", "2:4"},
      {"--weights", "fp16"}};
  for (std::vector<std::string> kind : kinds) {
    kind.insert(kind.end(), {"--plan-out", files_.path("plan.json")});
    const ToolResult first = convert("first.nbl", kind);
    ASSERT_EQ(first.code, 0) << first.err;
    // No options but the plan, and a plan of the repetition that is the same again.
    const ToolResult second =
        convert("second.nbl", {"--plan", files_.path("plan.json"), "--plan-out", files_.path("again.json")});
    ASSERT_EQ(second.code, 0) << second.err;
    EXPECT_TRUE(files_.bytes("first.nbl") == files_.bytes("second.nbl")) << kind[1];
    EXPECT_EQ(files_.bytes("plan.json"), files_.bytes("again.json"));
    EXPECT_FALSE(files_.bytes("first.nbl").empty());
  }
}

TEST_F(PlanTool, planted_redundancy_goes_without_being_asked_and_comes_back_from_the_plan) {
  const std::string planted =
      test::small_classifier({{5, 2, 1.0f}, {9, 2, 0.5f}, {30, 7, 3.0f}, {11, 7, 0.25f}}).bytes();
  write("plain.onnx", files_.bytes("net.onnx"));
  write("net.onnx", planted);
  const ToolResult real = convert("real.nbl", {"--weights", "fp32", "--report", files_.path("report.json")});
  ASSERT_EQ(real.code, 0) << real.err;
  EXPECT_NE(real.out.find("4 redundant channels removed in 1 place"), std::string::npos) << real.out;
  const std::string report = files_.bytes("report.json");
  EXPECT_NE(report.find("4 of 32 channels repeat what others say"), std::string::npos);
  const size_t at = report.find("\"sqnr_db\":");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GT(std::stod(report.substr(at + 10)), 100.0);  // 1e-5 of the outputs

  ASSERT_EQ(convert("first.nbl", {"--weights", "int8", "--plan-out", files_.path("plan.json")}).code, 0);
  const auto plan = plan::read(files_.path("plan.json"));
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->redundant.size(), 1u);
  EXPECT_EQ(plan->redundant[0].keep.size(), 28u);
  const ToolResult second =
      convert("second.nbl", {"--plan", files_.path("plan.json"), "--plan-out", files_.path("again.json")});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(files_.bytes("first.nbl") == files_.bytes("second.nbl"));
  EXPECT_EQ(files_.bytes("plan.json"), files_.bytes("again.json"));

  write("net.onnx", files_.bytes("plain.onnx"));
  const ToolResult plain = convert("plain.nbl", {"--weights", "int8"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.out.find("redundant"), std::string::npos) << plain.out;
  EXPECT_LT(files_.bytes("first.nbl").size(), files_.bytes("plain.nbl").size());
}

TEST_F(PlanTool, a_residual_branch_that_does_nothing_goes_for_a_bound_and_again_from_the_plan) {
  write("net.onnx", test::small_residual_classifier().bytes());
  const ToolResult first = convert("first.nbl", {"--weights", "int8", "--max-macs", "0.5x", "--plan-out",
                                                 files_.path("plan.json"), "--report", files_.path("report.json")});
  ASSERT_EQ(first.code, 0) << first.err;
  const auto plan = plan::read(files_.path("plan.json"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->removed_blocks, std::vector<std::string>{"add2"}) << first.out;
  EXPECT_NE(files_.bytes("report.json").find("residual branch of influence"), std::string::npos);
  const ToolResult second =
      convert("second.nbl", {"--plan", files_.path("plan.json"), "--plan-out", files_.path("again.json")});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(files_.bytes("first.nbl") == files_.bytes("second.nbl"));
  EXPECT_EQ(files_.bytes("plan.json"), files_.bytes("again.json"));
}

TEST_F(PlanTool, follows_what_was_edited) {
  ASSERT_EQ(convert("first.nbl", {"--weights", "int4", "--plan-out", files_.path("plan.json")}).code, 0);
  auto plan = plan::read(files_.path("plan.json"));
  ASSERT_TRUE(plan) << plan.error().message;
  for (plan::LayerPlan& l : plan->layers) {
    if (l.node == "conv4") l.weights = "int8", l.group_size = 0;
  }
  ASSERT_TRUE(plan::write(*plan, files_.path("edited.json")));
  const ToolResult edited =
      convert("edited.nbl", {"--plan", files_.path("edited.json"), "--plan-out", files_.path("out.json")});
  ASSERT_EQ(edited.code, 0) << edited.err;
  EXPECT_GT(files_.bytes("edited.nbl").size(), files_.bytes("first.nbl").size());
  const auto out = plan::read(files_.path("out.json"));
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->layer("conv4")->weights, "int8");
  EXPECT_EQ(out->layer("conv4")->rounding, "cd");
}

TEST_F(PlanTool, has_the_masks_of_sparse_weights_and_follows_them) {
  ASSERT_EQ(convert("first.nbl", {"--weights", "int4", "--sparsity", "2:4", "--entropy-code", "--plan-out",
                                  files_.path("plan.json")})
                .code,
            0);
  const auto good = plan::read(files_.path("plan.json"));
  ASSERT_TRUE(good) << good.error().message;
  ASSERT_EQ(good->masks.size(), 4u);  // the first layer and the smallest one, fc, stay wide
  for (const plan::MaskPlan& mask : good->masks) {
    EXPECT_EQ(mask.pattern, "2:4");
    EXPECT_EQ(std::count(mask.kept.begin(), mask.kept.end(), true) * 2, mask.weights) << mask.node;
  }
  const auto with = [&](const plan::Plan& plan) {
    EXPECT_TRUE(plan::write(plan, files_.path("edited.json")));
    return convert("edited.nbl",
                   {"--plan", files_.path("edited.json"), "--plan-out", files_.path("out.json"), "--allow-collapse"});
  };
  plan::Plan one = *good;  // conv4 keeps a single weight
  plan::MaskPlan& mask = one.masks[2];
  ASSERT_EQ(mask.node, "conv4");
  mask.kept.assign(mask.kept.size(), false);
  mask.kept[17] = true;
  const ToolResult edited = with(one);
  ASSERT_EQ(edited.code, 0) << edited.err;
  EXPECT_LT(files_.bytes("edited.nbl").size(), files_.bytes("first.nbl").size());
  EXPECT_EQ(files_.bytes("edited.json"), files_.bytes("out.json"));

  const auto refused = [&](const plan::Plan& plan, const std::string& word) {
    const ToolResult result = with(plan);
    EXPECT_EQ(result.code, 1) << word;
    EXPECT_NE(result.err.find(word), std::string::npos) << result.err;
  };
  plan::Plan shorter = *good, none = *good, stray = *good, dense = *good;
  shorter.masks[1].kept.pop_back();
  --shorter.masks[1].weights;
  refused(shorter, "is for");
  none.masks.erase(none.masks.begin());
  refused(none, "no mask");
  stray.masks.push_back(stray.masks[0]);
  stray.masks.back().node = "conv1";
  refused(stray, "takes none");
  dense.recipe["sparsity"] = "dense";
  refused(dense, "dense");
}

TEST_F(PlanTool, refuses_plans_that_do_not_fit) {
  ASSERT_EQ(convert("first.nbl", {"--weights", "int4", "--plan-out", files_.path("plan.json")}).code, 0);
  const auto good = plan::read(files_.path("plan.json"));
  ASSERT_TRUE(good) << good.error().message;
  const auto refused = [&](plan::Plan plan, const std::string& word) {
    ASSERT_TRUE(plan::write(plan, files_.path("bad.json")));
    const ToolResult result = convert("bad.nbl", {"--plan", files_.path("bad.json")});
    EXPECT_EQ(result.code, 1) << word;
    EXPECT_NE(result.err.find(word), std::string::npos) << result.err;
    EXPECT_TRUE(files_.bytes("bad.nbl").empty());
  };
  plan::Plan other = *good;
  other.network = "0000000000000000";
  refused(other, "another network");
  plan::Plan node = *good;
  node.layers[1].node = "conv99";
  refused(node, "conv99");
  plan::Plan format = *good;
  format.layers[1].weights = "int5";
  refused(format, "int5");
  plan::Plan group = *good;
  group.layers[1].group_size = 48;
  refused(group, "48");
  plan::Plan tensor = *good;
  tensor.ranges[0].tensor = "nothing";
  refused(tensor, "nothing");
  plan::Plan recipe = *good;
  recipe.recipe["weights"] = "int3";
  refused(recipe, "int3");
  recipe = *good;
  recipe.recipe["input-type"] = "uint9";
  refused(recipe, "uint9");
  recipe = *good;
  recipe.recipe["fancy"] = "yes";
  refused(recipe, "fancy");
  plan::Plan silent = *good;  // neither decided anew nor left float without a word
  silent.layers.erase(silent.layers.begin() + 2);
  refused(silent, good->layers[2].node);
  silent = *good;
  silent.ranges.clear();
  refused(silent, "no range");
  write("text.json", "no plan");
  const ToolResult text = convert("bad.nbl", {"--plan", files_.path("text.json")});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.err.find("text.json"), std::string::npos) << text.err;
}

TEST_F(PlanTool, repeats_a_network_that_was_cut) {
  test::OnnxBuilder network = test::small_classifier();
  network.integers("k", {1}, {3}).node("TopK", {"y", "k"}, {"best", "which"}, {}, "top").output("best");
  write("net.onnx", network.bytes());
  const ToolResult whole = convert("whole.nbl", {});
  EXPECT_EQ(whole.code, 1);
  EXPECT_NE(whole.err.find("--outputs ends the network before it"), std::string::npos) << whole.err;
  const ToolResult twice = convert("twice.nbl", {"--outputs", "flat,y,flat"});
  EXPECT_EQ(twice.code, 1);
  EXPECT_NE(twice.err.find("'flat' is to be an output twice"), std::string::npos) << twice.err;
  const ToolResult first = convert("first.nbl", {"--outputs", "flat,y", "--plan-out", files_.path("plan.json")});
  ASSERT_EQ(first.code, 0) << first.err;
  const ToolResult second = convert("second.nbl", {"--outputs", "flat,y", "--plan", files_.path("plan.json")});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_FALSE(files_.bytes("first.nbl").empty());
  EXPECT_TRUE(files_.bytes("first.nbl") == files_.bytes("second.nbl"));
}

}  // namespace
}  // namespace nibble

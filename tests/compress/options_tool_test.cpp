// Options that contradict each other, numbers that are none, files that would be written over others: an error before
// any work, and nothing on disk has changed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using test::run_tool;
using test::SmallNetworkFiles;
using test::ToolResult;

constexpr const char* kTool = NIBBLE_CONVERT;

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " in:\n" << text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += word + " ";
  return out;
}

class OptionsTool : public testing::Test {
 protected:
  ToolResult convert(const std::vector<std::string>& more, bool samples = true) const {
    std::vector<std::string> arguments = {files_.path("net.onnx"), "-o", files_.path("net.nbl")};
    if (samples) arguments.insert(arguments.end(), {"--calibrate", files_.path("samples"), "--allow-noise"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(kTool, arguments);
  }
  void refused(const std::vector<std::string>& more, const std::vector<std::string>& words, bool samples = true) const {
    SCOPED_TRACE(joined(more));
    const ToolResult result = convert(more, samples);
    EXPECT_NE(result.code, 0);
    EXPECT_NE(result.code, 3);
    EXPECT_LT(result.code, 128) << "ended by a signal";
    expect_words(result.err, words);
    EXPECT_TRUE(files_.bytes("net.nbl").empty());
  }
  const SmallNetworkFiles files_{12};
};

TEST_F(OptionsTool, an_option_without_effect_is_refused) {
  const std::vector<std::string> wide = {"--weights", "fp32"};
  for (const std::vector<std::string>& useless : {std::vector<std::string>{"--rounding", "gptq"},
                                                  {"--no-propagate"},
                                                  {"--no-bias-correction"},
                                                  {"--no-held-out-fit"},
                                                  {"--no-clip-search"},
                                                  {"--augment", "9"},
                                                  {"--stats", "none"},
                                                  {"--group-size", "64"},
                                                  {"--sparsity", "2:4"},
                                                  {"--scale", "po2"},
                                                  {"--ranges", "auto"},
                                                  {"--equalize"}}) {
    std::vector<std::string> arguments = wide;
    arguments.insert(arguments.end(), useless.begin(), useless.end());
    refused(arguments, {useless[0], "no effect", useless[0] == "--ranges" ? "float" : "fp32"},
            useless[0] != "--ranges");
  }
  refused({"--group-size", "64"}, {"--group-size", "int4", "int8"});
  refused({"--scale", "po2", "--rounding", "gptq"}, {"--rounding", "no effect", "po2"});
  refused({"--percentile", "99"}, {"--percentile", "--ranges percentile"});
  for (const char* option : {"--no-compensate", "--statistics-correction"}) refused({option}, {option, "--max-macs"});
  refused({"--prune-metric", "obd"}, {"--prune-metric", "--max-macs"});
  refused({"--recover-steps", "5"}, {"--recover-steps", "--recover"});
  refused({"--device", "0"}, {"--device", "--executor device"});
  for (const char* option : {"--skip", "--samples", "--augment", "--verify"})
    refused({"--weights", "int8", "--activations", "float", option, "4"}, {option, "--calibrate"}, false);
}

TEST_F(OptionsTool, what_cannot_be_had_together) {
  refused({"--scale", "po2", "--sparsity", "2:4"}, {"--sparsity", "--scale po2"});
  refused({"--sparsity", "2:4", "--rounding", "hqq"}, {"--sparsity", "hqq"});
  for (const char* format : {"lut4", "ternary", "sign"}) {
    refused({"--weights", format, "--scale", "po2"}, {"--scale po2", format});
    for (const std::vector<std::string>& bound :
         {std::vector<std::string>{"--max-size", "0.2x"}, {"--max-drop", "kl:0.1"}, {"--target-latency", "3"}})
      refused({"--weights", format, bound[0], bound[1]}, {bound[0], format, "int8"});
  }
}

TEST_F(OptionsTool, what_has_an_effect_passes) {
  for (const std::vector<std::string>& useful :
       {std::vector<std::string>{"--weights", "int4", "--group-size", "64", "--rounding", "gptq"},
        {"--ranges", "percentile", "--percentile", "99.5"},
        {"--keep-wide", "re:conv[12]"},
        {"--skip", "2"}}) {
    const ToolResult result = convert(useful);
    EXPECT_EQ(result.code, 0) << joined(useful) << result.err;
  }
}

TEST_F(OptionsTool, numbers_that_are_none) {
  for (const char* option : {"--samples", "--skip", "--augment", "--verify"}) {
    for (const char* wrong : {"-1", "1e3", "99999999999999999999", "18446744073709551615", "x", "0x10", " 4", ""})
      refused({option, wrong}, {option});
  }
  refused({"--augment", "99999999999"}, {"--augment", "100000"});
  refused({"--samples", "0"}, {"--samples", "1"});
  for (const char* wrong : {"nan", "inf", "-1", "0", "1e400", "x"})
    refused({"--target-latency", wrong}, {"--target-latency", "above 0", wrong});
  refused({"--ranges", "percentile", "--percentile", "nan"}, {"--percentile", "50"});
  refused({"--group-size", "7", "--weights", "int4"}, {"--group-size", "7"});
}

TEST_F(OptionsTool, names_that_name_nothing) {
  refused({"--keep-wide", "nobody"}, {"--keep-wide", "conv"});
  refused({"--keep-wide", "re:["}, {"--keep-wide"});
  refused({"--dump-after", "nobody"}, {"'nobody'", "fold_affine"});
  for (const char* option : {"--max-size", "--max-macs", "--keep-wide", "--plan", "--report"})
    refused({option, ""}, {option});
}

TEST_F(OptionsTool, no_file_is_written_over_another) {
  const std::string net = files_.path("net.onnx"), before = files_.bytes("net.onnx");
  fs::create_symlink(net, files_.path("link.onnx"));
  ASSERT_EQ(convert({"--plan-out", files_.path("plan.json")}).code, 0);
  fs::remove(files_.path("net.nbl"));
  for (const std::string option : {"--report", "--plan-out", "--export-onnx"}) {
    for (const std::string name : {"net.onnx", "link.onnx", "net.nbl", "samples/../net.nbl"})
      refused({option, files_.path(name)}, {option, files_.path(name), "written over"});
    refused({option, files_.path("nowhere/x.html")}, {files_.path("nowhere/x.html")});
    refused({option, files_.path("samples")}, {files_.path("samples"), "folder"});
  }
  refused({"--plan", files_.path("plan.json"), "--plan-out", files_.path("plan.json")}, {"--plan-out", "written over"});
  refused({"--report", files_.path("r.json"), "--report", files_.path("r.json")}, {"--report", "written over"});
  for (const std::string name : {"net.onnx", "link.onnx"}) {
    const ToolResult result = run_tool(kTool, {net, "-o", files_.path(name), "--weights", "fp32"});
    EXPECT_EQ(result.code, 1);
    expect_words(result.err, {"--output", "the network", "written over"});
  }
  EXPECT_TRUE(files_.bytes("net.onnx") == before);
}

// Hours of work are not lost for a file beside the network: it is written first, and all that can be.
TEST_F(OptionsTool, a_file_beside_the_network_that_fails_does_not_cost_it) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  ASSERT_EQ(convert({}).code, 0);
  const std::string network = files_.bytes("net.nbl");
  for (const std::string option : {"--plan-out", "--export-onnx", "--report"}) {
    fs::remove(files_.path("net.nbl"));
    std::vector<std::string> arguments = {option, "/dev/full"};
    const std::string other = files_.path("other.json");  // is written all the same
    arguments.insert(arguments.end(), {option == "--plan-out" ? "--report" : "--plan-out", other});
    const ToolResult result = convert(arguments);
    EXPECT_EQ(result.code, 1) << option;
    expect_words(result.err, {"net.nbl' is whole", option, "/dev/full", "space"});
    EXPECT_TRUE(files_.bytes("net.nbl") == network) << option;
    EXPECT_FALSE(files_.bytes("other.json").empty()) << option;
    fs::remove(other);
  }
}

TEST_F(OptionsTool, what_onnx_cannot_say_is_found_before_the_work) {
  const std::string path = files_.path("free.onnx");
  test::OnnxBuilder free(13);
  free.input("x", {"1", "8", "h", "w"}).output("y").floats("k", {4, 8, 1, 1}, test::normal_noise(32, 1, 0.3f));
  free.node("Conv", {"x", "k"}, {"c"}, {}, "conv")
      .node("GlobalAveragePool", {"c"}, {"mean"})
      .node("Shape", {"c"}, {"s"});
  free.node("Expand", {"mean", "s"}, {"y"}, {}, "spread");
  std::ofstream(path, std::ios::binary) << free.bytes();
  const ToolResult result = run_tool(
      kTool, {path, "-o", files_.path("net.nbl"), "--weights", "fp32", "--export-onnx", files_.path("out.onnx")});
  EXPECT_EQ(result.code, 1);
  expect_words(result.err, {"--export-onnx", "spread", "--dim"});
  EXPECT_TRUE(files_.bytes("net.nbl").empty());
  EXPECT_FALSE(fs::exists(files_.path("out.onnx")));
}

TEST_F(OptionsTool, a_full_disk_leaves_nothing) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const auto entries = [&] {
    return std::distance(fs::directory_iterator(fs::path(files_.path("x")).parent_path()), {});
  };
  const auto before = entries();
  const ToolResult result = run_tool(kTool, {files_.path("net.onnx"), "-o", "/dev/full", "--weights", "fp32"});
  EXPECT_EQ(result.code, 1);
  expect_words(result.err, {"/dev/full", "space"});
  EXPECT_EQ(entries(), before);
}

TEST_F(OptionsTool, a_plan_and_options_that_differ_from_it) {
  ASSERT_EQ(convert({"--plan-out", files_.path("plan.json")}).code, 0);
  EXPECT_EQ(convert({"--plan", files_.path("plan.json"), "--weights", "int8"}).code, 0);  // says the same
  fs::remove(files_.path("net.nbl"));
  refused({"--plan", files_.path("plan.json"), "--weights", "int4"}, {"plan.json", "weights", "'int8'", "'int4'"});
  refused({"--plan", files_.path("plan.json"), "--no-propagate"}, {"plan.json", "propagate", "'yes'", "'no'"});
}

}  // namespace
}  // namespace nibble

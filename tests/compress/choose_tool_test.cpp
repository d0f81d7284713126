// What was not given is chosen by what it does to the outputs, and said.
#include <gtest/gtest.h>

#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

using test::run_tool;
using test::ToolResult;

ToolResult convert_files(const test::SmallNetworkFiles& files, const std::string& output,
                         const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {files.path("net.onnx"), "-o",           files.path(output), "--calibrate",
                                        files.path("samples"),  "--allow-noise"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_tool(NIBBLE_CONVERT, arguments);
}

class Choice : public testing::Test {
 protected:
  ToolResult convert(const std::string& output, const std::vector<std::string>& more) {
    return convert_files(files_, output, more);
  }
  test::SmallNetworkFiles files_{24};
};

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

TEST_F(Choice, names_every_alternative_with_its_divergence_in_the_report) {
  const ToolResult made = convert("a.nbl", {"--weights", "int8", "--report", files_.path("a.json")});
  ASSERT_EQ(made.code, 0) << made.err;
  for (const char* name : {"no equalisation", "rounding to nearest"}) {
    EXPECT_TRUE(says(made.err, name)) << made.err;
    EXPECT_TRUE(says(files_.bytes("a.json"), name));
  }
  EXPECT_TRUE(says(made.err, "on 12 samples held out")) << made.err;
  EXPECT_FALSE(says(made.err, "ranges by min-max")) << made.err;  // classes judge
}

ToolResult choose_for_detector(size_t samples, float spike, size_t every) {
  const test::SmallNetworkFiles files(samples, test::small_detector(32), 32, spike, every);
  const ToolResult made = convert_files(files, "a.nbl", {"--weights", "int8", "--no-equalize", "--verify", "0"}),
                   given = convert_files(files, "b.nbl",
                                         {"--weights", "int8", "--no-equalize", "--verify", "0", "--ranges", "mse"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_FALSE(says(given.err, "ranges by min-max")) << given.err;
  EXPECT_EQ(files.bytes("a.nbl") == files.bytes("b.nbl"), !says(made.err, "ranges by min-max chosen: "));
  return made;
}

TEST(ChoiceOfRanges, keeps_what_is_rare_where_the_output_lists_positions) {
  const ToolResult made = choose_for_detector(20, 20.0f, 5);
  EXPECT_TRUE(says(made.err, "ranges by min-max chosen: ")) << made.err;
}

// Once in 80 samples, and not in those that judge.
TEST(ChoiceOfRanges, gives_up_what_costs_too_much_elsewhere) {
  const ToolResult made = choose_for_detector(80, 200.0f, 80);
  EXPECT_TRUE(says(made.err, "ranges by min-max not taken: ")) << made.err;
}

// Maps of several sizes are levels of a detector; maps of one size answer for the same pixels.
TEST(ChoiceOfRanges, tells_levels_from_several_answers) {
  for (const int64_t stride : {1, 2}) {
    const test::SmallNetworkFiles files(20, test::small_maps(stride));
    const ToolResult made = convert_files(files, "a.nbl", {"--weights", "int8", "--verify", "0"});
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(says(made.err, "ranges by min-max"), stride == 2) << made.err;
  }
}

TEST_F(Choice, leaves_what_was_given_alone) {
  const ToolResult given =
      convert("a.nbl", {"--weights", "int8", "--no-equalize", "--ranges", "mse", "--rounding", "cd"});
  ASSERT_EQ(given.code, 0) << given.err;
  EXPECT_FALSE(says(given.err, "held out")) << given.err;
  const ToolResult none =
      convert("b.nbl", {"--weights", "int8", "--no-equalize", "--ranges", "mse", "--rounding", "cd", "--no-choose"});
  ASSERT_EQ(none.code, 0) << none.err;
  EXPECT_TRUE(files_.bytes("a.nbl") == files_.bytes("b.nbl"));
}

TEST_F(Choice, is_the_same_every_time) {
  ASSERT_EQ(convert("a.nbl", {"--weights", "int4"}).code, 0);
  ASSERT_EQ(convert("b.nbl", {"--weights", "int4"}).code, 0);
  EXPECT_TRUE(files_.bytes("a.nbl") == files_.bytes("b.nbl"));
}

}  // namespace
}  // namespace nibble

// The command that measures how cost grows, on a network of two layers.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "media/media_testing.h"
#include "tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

std::vector<std::string> growth(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {NIBBLE_GROWTH, "--build", NIBBLE_BUILD_DIR});
  return arguments;
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(GrowthTest, measures_every_point_and_draws_it) {
  const TempFolder folder;
  std::ofstream(folder / "tiny.txt") << "input c3 s8\nconv c8 k3 s2 relu\nmean\nlinear c4 fixed\n";
  const ToolResult made = run_tool(
      NIBBLE_PYTHON, growth({"--out", folder / "out", "--network", folder / "tiny.txt", "--sweep", "batch", "--sweep",
                             "channels", "--most", "batch=2", "--most", "channels=0.5", "--formats", "fp32,int8"}));
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string csv = media::test::bytes_of(folder / "out/growth.csv");
  EXPECT_EQ(count(csv, "\n"), 1u + 8u) << csv;  // two sweeps of two points in two formats
  EXPECT_EQ(count(csv, "batch,default,int8,2,"), 1u) << csv;
  for (const char* name : {"out/batch.svg", "out/channels.svg"}) {
    const std::string svg = media::test::bytes_of(folder / name);
    EXPECT_EQ(count(svg, "<polyline"), 4u * 3u) << name;  // four panels of two formats and the work
    EXPECT_EQ(count(svg, "proportional to the work"), 1u) << name;
    EXPECT_EQ(count(svg, "nan"), 0u) << name;
  }
  // Drawn again from the figures alone: the same picture.
  const std::string before = media::test::bytes_of(folder / "out/batch.svg");
  ASSERT_EQ(run_tool(NIBBLE_PYTHON, growth({"--out", folder / "out", "--draw", "--network", folder / "tiny.txt"})).code,
            0);
  EXPECT_EQ(media::test::bytes_of(folder / "out/batch.svg"), before);
}

TEST(GrowthTest, refuses_what_it_does_not_know) {
  const TempFolder folder;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--sweep", "weather"}, "weather"},         {{"--formats", "fp32,int3"}, "int3"},
      {{"--driver", "llvmpipe"}, "NAME=MANIFEST"}, {{"--most", "size"}, "SWEEP=X"},
      {{"--most", "weather=2"}, "weather"},
  };
  for (auto [arguments, word] : cases) {
    arguments.insert(arguments.end(), {"--out", folder / "out"});
    const ToolResult result = run_tool(NIBBLE_PYTHON, growth(arguments));
    EXPECT_NE(result.code, 0);
    EXPECT_NE(result.err.find(word), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace nibble::test

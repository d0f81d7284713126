// What the README says can be read is what can be read.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "converter/onnx/importer.h"

namespace nibble {
namespace {

TEST(operator_list, of_the_readme_is_complete) {
  std::ifstream in(NIBBLE_SOURCE_DIR "/README.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string title = "## Supported operators\n";
  const size_t at = text.find(title), end = text.find('.', at);
  ASSERT_NE(at, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  std::string list = text.substr(at + title.size(), end - at - title.size());
  std::replace(list.begin(), list.end(), ',', ' ');
  std::istringstream words(list);
  const std::vector<std::string> listed{std::istream_iterator<std::string>(words), {}};
  std::vector<std::string> expected = onnx_import::supported_operators();
  expected.push_back("If");  // is no function of a node but its branch
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(listed, expected);
}

}  // namespace
}  // namespace nibble

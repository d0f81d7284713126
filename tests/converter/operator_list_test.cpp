// What the README says can be read is what can be read.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "converter/onnx/importer.h"

namespace nibble {
namespace {

// The names between `title` and the next full stop.
std::vector<std::string> listed(const std::string& title) {
  std::ifstream in(NIBBLE_SOURCE_DIR "/README.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const size_t at = text.find(title), end = text.find('.', at + title.size());
  EXPECT_NE(at, std::string::npos) << title;
  EXPECT_NE(end, std::string::npos) << title;
  if (at == std::string::npos || end == std::string::npos) return {};
  std::string list = text.substr(at + title.size(), end - at - title.size());
  std::replace(list.begin(), list.end(), ',', ' ');
  std::istringstream words(list);
  return {std::istream_iterator<std::string>(words), {}};
}

TEST(operator_list, of_the_readme_is_complete) {
  std::vector<std::string> expected = onnx_import::supported_operators("");
  expected.push_back("If");  // is no function of a node but its branch
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(listed("## Supported operators\n"), expected);
}

TEST(operator_list, of_onnx_runtimes_own_is_complete) {
  std::vector<std::string> expected = onnx_import::supported_operators(onnx_import::kMicrosoft);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(listed("And of ONNX Runtime's own (domain com.microsoft):"), expected);
}

}  // namespace
}  // namespace nibble

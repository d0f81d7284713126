// METHODS.md promises no option that nibble-convert does not have.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "tests/tools/tool_process.h"

namespace nibble::test {
namespace {

TEST(methods, every_option_that_the_page_names_exists) {
  std::ifstream file(std::string(NIBBLE_SOURCE_DIR) + "/converter/METHODS.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(page.empty());
  const std::string help = run_tool(NIBBLE_CONVERT, {"--help"}).out;
  const std::regex option("--[a-z][a-z-]+");
  std::set<std::string> named;
  for (std::sregex_iterator it(page.begin(), page.end(), option), end; it != end; ++it) named.insert(it->str());
  EXPECT_GT(named.size(), 10u);
  for (const std::string& name : named) {
    const std::regex whole(name + "([^a-z-]|$)");
    EXPECT_TRUE(std::regex_search(help, whole)) << name << " is not in --help";
  }
}

}  // namespace
}  // namespace nibble::test

// Every node test of ONNX whose operators are claimed either gives the expected results or is refused, saying why.
#include "tests/converter/node_cases.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "core/text.h"

namespace nibble::test {
namespace {

std::string refusal_file() { return std::string(NIBBLE_SOURCE_DIR) + "/tests/converter/node_refusals.txt"; }

std::set<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::set<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') out.insert(line);
  }
  return out;
}

TEST(onnx_node_cases, pass_on_the_oracle_or_are_refused_as_listed) {
  const auto folder = node_case_folder();
  if (!folder) GTEST_SKIP() << "the node cases were not written: install python3-onnx";
  std::set<std::string> refused;
  size_t passed = 0, failed = 0;
  for (const auto& path : claimed_node_cases(*folder)) {
    const NodeCase node_case = load_node_case(path);
    ASSERT_FALSE(node_case.attempts.empty()) << node_case.name << " cannot be read";
    size_t imported = 0;
    std::string wrong;
    for (const Attempt& attempt : node_case.attempts) {
      EXPECT_NE(attempt.refusal.rfind("passes: ", 0), 0u) << node_case.name << ": " << attempt.refusal;
      if (!attempt.refusal.empty()) continue;
      ++imported;
      const auto results = run_oracle(attempt.graph, node_case);
      const std::string problem =
          results ? difference(node_case, attempt.graph, *results, 1e-5) : results.error().message;
      if (wrong.empty() && !problem.empty()) wrong = "fed " + attempt.fed + ": " + problem;
    }
    if (!wrong.empty()) {
      ++failed;
      std::printf("FAILED  %s: %s\n", node_case.name.c_str(), wrong.c_str());
    } else if (imported == 0) {
      std::string reason = node_case.attempts[1].refusal;  // data as it comes at run time, parameters constant
      refused.insert(node_case.name + ": " + reason.substr(0, reason.find('\n')));
    } else {
      ++passed;
    }
  }
  for (const std::string& line : refused) std::printf("refused %s\n", line.c_str());
  std::printf("%zu passed, %zu refused, %zu failed\n", passed, refused.size(), failed);
  EXPECT_EQ(failed, 0u);
  EXPECT_GT(passed, 200u);
  if (std::getenv("NIBBLE_UPDATE_GOLDEN")) {
    std::ofstream out(refusal_file());
    out << "# Node tests of claimed operators that the importer refuses, and why (NIBBLE_UPDATE_GOLDEN=1 writes this "
           "file).\n";
    for (const std::string& line : refused) out << line << '\n';
  }
  EXPECT_EQ(refused, lines_of(refusal_file()));
}

}  // namespace
}  // namespace nibble::test

#include "tool_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "media/media_testing.h"

namespace nibble::test {
namespace {

// In the child: never returns.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         const std::map<std::string, std::string>& environment, const std::string& out,
                         const std::string& err) {
  const int out_file = open(out.c_str(), O_WRONLY | O_CREAT, 0600),
            err_file = open(err.c_str(), O_WRONLY | O_CREAT, 0600);
  if (out_file < 0 || err_file < 0 || dup2(out_file, STDOUT_FILENO) < 0 || dup2(err_file, STDERR_FILENO) < 0)
    _exit(126);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);
}

}  // namespace

ToolResult run_tool(const std::string& program, const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment, const std::string& standard_output) {
  const media::test::TempFolder folder;
  const std::string out = standard_output.empty() ? folder / "out" : standard_output, err = folder / "err";
  ToolResult result;
  const pid_t child = fork();
  if (child == 0) become(program, arguments, environment, out, err);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return result;
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (standard_output.empty()) result.out = media::test::bytes_of(out);
  result.err = media::test::bytes_of(err);
  return result;
}

std::string output_of(const std::string& program, const std::vector<std::string>& arguments) {
  const ToolResult result = run_tool(program, arguments);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out;
}

void expect_refused(const ToolResult& result, const std::vector<std::string>& words) {
  EXPECT_EQ(result.code, 1) << result.out << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.err.rfind("nibble-", 0), 0u) << result.err;
  for (const std::string& word : words) {
    EXPECT_NE(result.err.find(word), std::string::npos) << "'" << word << "' missing in: " << result.err;
  }
}

}  // namespace nibble::test

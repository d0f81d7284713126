// Runs a tool the way a user does and keeps what it said.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace nibble::test {

struct ToolResult {
  int code = -1;  // exit status; 128 + n when signal n ended it
  std::string out, err;
};

// `environment` is added to that of this process. `standard_output`: a file in place of keeping what is said.
ToolResult run_tool(const std::string& program, const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment = {},
                    const std::string& standard_output = {});

// Expects success and nothing on stderr.
std::string output_of(const std::string& program, const std::vector<std::string>& arguments);

// Expects exit code 1 and a single line on stderr: "<tool>: ..." with all the words in it.
void expect_refused(const ToolResult& result, const std::vector<std::string>& words);

}  // namespace nibble::test

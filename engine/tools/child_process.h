// Another program, run to its end.
#pragma once

#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::tools {

struct ChildResult {
  int code = -1;       // exit status; 128 + n when signal n ended it
  std::string output;  // standard output and standard error together
};

// Errors: a program that cannot be started, more than `most_output` bytes of output (the program is ended), and systems
// that this is not written for.
Result<ChildResult> run_child(const std::string& program, const std::vector<std::string>& arguments,
                              size_t most_output);

// The path of the program that runs now. `called_as`: argv[0], for systems that do not tell.
Result<std::string> own_program(const std::string& called_as);

}  // namespace nibble::tools

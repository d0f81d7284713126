// What every command-line tool does around its work: arguments, one line for an error, an exit code.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/result.h"

namespace CLI {
class App;
}

namespace nibble::tools {

// An exit code when the program is over: 0 behind --help and --version, 1 behind wrong arguments, which it names on
// stderr.
std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv);

// Does the work and says in one line on stderr what went wrong, exceptions and a full standard output included. 0 or 1.
int run_tool(const char* name, const std::function<Status()>& work);

// "N=4" of --dim. A name given twice with two sizes is an error; whether the model has it is checked where it is bound.
Result<std::map<std::string, int64_t>> parse_dims(const std::vector<std::string>& texts);

// Without control characters, so that names out of a file cannot steer a terminal.
std::string printable(std::string_view text);

// "1.21 MB", "312 kB", "17 B".
std::string bytes_text(uint64_t bytes);
// "3.21 s", "15.3 ms", "204 us".
std::string time_text(double milliseconds);
// "[1, 3, 224, 224]"
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace nibble::tools

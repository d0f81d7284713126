#include "converter/dim_option.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace nibble {

DimBindings parse_dims(const std::vector<std::string>& texts) {
  DimBindings out;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    char* end = nullptr;
    const long long value = equals == std::string::npos ? 0 : std::strtoll(text.c_str() + equals + 1, &end, 10);
    if (equals == 0 || value < 1 || value > kMaxDim || *end)
      throw CLI::ValidationError("--dim", "'" + text + "': expected NAME=SIZE");
    out[text.substr(0, equals)] = value;
  }
  return out;
}

}  // namespace nibble

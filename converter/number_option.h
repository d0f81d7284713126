// Checks of numbers on the command line. CLI11 by itself takes "-1" for a count, which wraps around, and "nan" for a
// number in any range.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace nibble {

// A whole number of decimal digits from `least` to `most`.
inline CLI::Validator count_between(uint64_t least, uint64_t most) {
  const std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  return {[=](const std::string& text) -> std::string {
            const bool digits =
                !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789") == std::string::npos;
            const uint64_t value = digits ? std::strtoull(text.c_str(), nullptr, 10) : 0;
            if (digits && value >= least && value <= most) return {};
            return "expected " + expected + ", found '" + text + "'";
          },
          "", "count"};
}

// How many samples are meant at most: enough for any data set, and sums of two stay far from wrapping around.
constexpr uint64_t kMostSampleCount = 1000000000;

// A finite number from `least` to `most`; `above`: and not `least` itself.
inline CLI::Validator number_between(double least, double most, bool above = false) {
  return {[=](const std::string& text) -> std::string {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            const bool number = !text.empty() && *end == '\0' && std::isfinite(value);
            if (number && value <= most && (above ? value > least : value >= least)) return {};
            char range[96];
            std::snprintf(range, sizeof(range), "expected a number %s %g to %g, found '", above ? "above" : "from",
                          least, most);
            return range + text.substr(0, 100) + "'";
          },
          "", "number"};
}

}  // namespace nibble

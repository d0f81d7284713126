// Two builds of nibble-bench on the same model: each runs in processes of its own, in turns.
#pragma once

#include <string>
#include <vector>

#include "nibble/result.h"
#include "tools/bench_options.h"
#include "tools/bench_statistics.h"

namespace nibble::tools {

struct BuildRuns {
  std::string program, version;
  std::vector<double> run_ms;   // of all turns
  std::vector<double> turn_ms;  // the median of each turn
};

struct BuildComparison {
  BuildRuns own, other;
  Ratio other_to_own;  // of the turns' medians: above 1 the other build is slower
};

// Runs both programs options.turns times, every other time the other one first. Errors: a program that cannot be
// started or fails, with what it said; and one whose output is not that of nibble-bench --json.
Result<BuildComparison> compare_builds(const BenchOptions& options);

std::string against_text(const BuildComparison& comparison);
std::string against_json(const BuildComparison& comparison, const BenchOptions& options);

// The arguments that each of them gets for a turn.
std::vector<std::string> turn_arguments(const BenchOptions& options);

// Adds a turn from the JSON that a program wrote. `text` may have lines before and behind it.
Status add_turn(BuildRuns& runs, const std::string& text);

}  // namespace nibble::tools

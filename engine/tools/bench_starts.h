// How long programs take to their first result: without what was compiled before, and with it. Each start is a process
// of its own, so that none finds what another left in memory.
#pragma once

#include <string>
#include <vector>

#include "nibble/result.h"
#include "tools/bench_options.h"

namespace nibble::tools {

// Milliseconds.
struct StartTimes {
  double open_device = 0;
  double read = 0, plan = 0, pipelines = 0, upload = 0, session = 0, first_run = 0;  // as of ColdStart
  double processor = 0;  // time of processors for all of that but the device
  double tenth_run = 0;
  double total() const { return open_device + read + plan + pipelines + upload + session + first_run; }
};

struct StartComparison {
  std::vector<StartTimes> cold, warm;  // without a pipeline cache, and with the one that the cold start left
};

// Starts this program options.starts times without a cache and as often with one, in turns. Caches of the driver's own
// stay as they are. Errors: a program that cannot be started or fails, with what it said.
Result<StartComparison> compare_starts(const BenchOptions& options);

// Each figure's median. The median of the whole is not the sum of those of its parts.
StartTimes median_start(const std::vector<StartTimes>& starts);
double median_total(const std::vector<StartTimes>& starts);

std::string starts_text(const StartComparison& comparison);
std::string starts_json(const StartComparison& comparison, const BenchOptions& options);

// Reads what nibble-bench --json wrote; `text` may have lines before and behind it.
Result<StartTimes> read_start(const std::string& text);

}  // namespace nibble::tools

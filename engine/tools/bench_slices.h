// How well a network keeps to a budget when it runs in slices.
#pragma once

#include <optional>
#include <vector>

#include "nibble/session.h"
#include "tools/bench_options.h"
#include "tools/bench_statistics.h"

namespace nibble::tools {

// Of whole runs in slices, without the first: it compiled, and measured the steps.
struct SliceFigures {
  double budget_ms = 0;
  size_t runs = 0;
  std::vector<double> took_ms;       // each slice
  std::vector<double> overshoot_ms;  // each slice, beyond the budget; 0 within it
  double longest_step_ms = 0;        // or piece of one: a budget below this cannot be kept
  double within() const;             // the share of slices that kept to it
  double slices_per_run() const { return runs ? static_cast<double>(took_ms.size()) / static_cast<double>(runs) : 0; }
};

// As many runs as options.runs says, else for options.seconds, at least kLeastRuns of them; one before them. Errors are
// those of Session::run_slice.
Result<SliceFigures> measure_slices(Session& session, const BenchOptions& options);

}  // namespace nibble::tools

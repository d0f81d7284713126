#include "tools/bench_slices.h"

#include <algorithm>
#include <chrono>

#include "core/try.h"

namespace nibble::tools {
namespace {

using Ms = std::chrono::duration<double, std::milli>;
using Clock = std::chrono::steady_clock;

// A whole run; each slice to `figures` where there are some.
Status run_in_slices(Session& session, std::chrono::nanoseconds budget, SliceFigures* figures) {
  for (;;) {
    NBL_TRY(const RunSlice slice, session.run_slice(budget));
    if (figures) {
      figures->took_ms.push_back(Ms(slice.took).count());
      figures->overshoot_ms.push_back(std::max(0.0, Ms(slice.took - budget).count()));
    }
    if (slice.finished) return {};
  }
}

}  // namespace

double SliceFigures::within() const {
  if (overshoot_ms.empty()) return 0;
  return static_cast<double>(std::count(overshoot_ms.begin(), overshoot_ms.end(), 0.0)) /
         static_cast<double>(overshoot_ms.size());
}

Result<SliceFigures> measure_slices(Session& session, const BenchOptions& options) {
  const auto budget = std::chrono::duration_cast<std::chrono::nanoseconds>(Ms(options.slice));
  NBL_CHECK(run_in_slices(session, budget, nullptr));
  SliceFigures out;
  out.budget_ms = options.slice;
  const auto start = Clock::now();
  const auto least = static_cast<size_t>(options.runs > 0 ? options.runs : kLeastRuns);
  while (out.runs < least || (options.runs == 0 && Ms(Clock::now() - start).count() < 1000 * options.seconds)) {
    NBL_CHECK(run_in_slices(session, budget, &out));
    ++out.runs;
  }
  out.longest_step_ms = Ms(session.slice_statistics().longest_step).count();
  return out;
}

}  // namespace nibble::tools

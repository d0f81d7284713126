#include "runtime/slice_clock.h"

#include <algorithm>

namespace nibble {
namespace {

// What a part may take beyond what its work suggests, as long as it was not measured.
constexpr double kCaution = 2;

}  // namespace

SliceClock::SliceClock(std::vector<double> work) : work_(std::move(work)), histories_(work_.size()) {}

double SliceClock::expected(size_t part) const {
  if (work_[part] <= 0) return 0;
  if (known(part)) return histories_[part].median;
  return any_known() ? kCaution * work_[part] * known_ns_ / known_work_ : 0;
}

double SliceClock::predict(size_t first, size_t count) const {
  double ns = 0;
  for (size_t i = first; i < first + count && i < parts(); ++i) ns += expected(i);
  return ns;
}

size_t SliceClock::fit(size_t first, double budget_ns) const {
  double ns = 0;
  bool unknown = false;  // a part that nothing is known of
  size_t count = 0;
  for (size_t i = first; i < parts(); ++i, ++count) {
    if (work_[i] <= 0) continue;
    if (unknown) break;
    ns += expected(i);
    if (count > 0 && ns > budget_ns) break;
    unknown = !any_known();
  }
  return count;
}

void SliceClock::measured(size_t part, double ns) {
  if (work_[part] <= 0) return;
  History& history = histories_[part];
  if (history.count == 0) {
    known_work_ += work_[part];
  } else {
    known_ns_ -= history.median;
  }
  history.ns[history.count++ % history.ns.size()] = std::max(ns, 0.0);
  std::array<double, 5> sorted = history.ns;
  const size_t used = std::min(history.count, sorted.size());
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(used));
  history.median = sorted[used / 2];
  known_ns_ += history.median;
}

void SliceClock::measured(size_t first, size_t count, double ns) {
  double work = 0;
  const double whole = predict(first, count);
  for (size_t i = first; i < first + count; ++i) work += work_[i];
  if (work <= 0) return;
  std::vector<double> shares;  // before any of them changes what the others are expected to take
  for (size_t i = first; i < first + count; ++i) {
    shares.push_back(whole > 0 ? expected(i) / whole : work_[i] / work);
  }
  for (size_t i = 0; i < count; ++i) measured(first + i, ns * shares[i]);
}

}  // namespace nibble

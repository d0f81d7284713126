#include "converter/report/statistics.h"

#include <algorithm>
#include <cmath>

namespace nibble::report {

namespace {

constexpr double kZ = 1.959963984540054;  // two-sided 95 % of the normal distribution

}  // namespace

Interval wilson_interval(uint64_t hits, uint64_t total) {
  if (total == 0) return {};
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(hits) / n, z2 = kZ * kZ / n;
  const double middle = (p + z2 / 2.0) / (1.0 + z2);
  const double half = kZ / (1.0 + z2) * std::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

PairedDrop paired_drop(uint64_t lost, uint64_t gained, uint64_t total) {
  if (total == 0) return {0.0, {-1.0, 1.0}};
  const auto n = static_cast<double>(total), b = static_cast<double>(lost), c = static_cast<double>(gained);
  const double middle = (b - c) / (n + 2.0), spread = (b + c + 1.0) - (b - c) * (b - c) / (n + 2.0);
  const double half = kZ * std::sqrt(spread) / (n + 2.0);
  return {(b - c) / n, {std::max(-1.0, middle - half), std::min(1.0, middle + half)}};
}

std::optional<double> Share::value() const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(total);
}

void RunTimes::add(double seconds, bool first) {
  if (first) {
    if (first_.size() < kKept) first_.push_back(seconds);
    return;
  }
  if (later_.size() < kKept)
    later_.push_back(seconds);
  else
    later_[next_] = seconds;
  next_ = (next_ + 1) % kKept;
}

std::optional<double> RunTimes::median_ms() const {
  std::vector<double> times = later_.empty() ? first_ : later_;
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  const size_t half = times.size() / 2;
  const double median = times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2.0;
  return median * 1000.0;
}

}  // namespace nibble::report

#include "tools/bench_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nibble::tools {

double quantile(std::span<const double> sorted, double part) {
  if (sorted.empty()) return 0;
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Statistics statistics(std::span<const double> values) {
  Statistics out;
  if (values.empty()) return out;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  out.count = sorted.size();
  out.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size());
  double squares = 0;
  for (double value : sorted) squares += (value - out.mean) * (value - out.mean);
  if (sorted.size() > 1) out.deviation = std::sqrt(squares / static_cast<double>(sorted.size() - 1));
  out.median = quantile(sorted, 0.5);
  out.p10 = quantile(sorted, 0.1);
  out.p90 = quantile(sorted, 0.9);
  out.p99 = quantile(sorted, 0.99);
  out.min = sorted.front();
  out.max = sorted.back();
  return out;
}

double jitter(std::span<const double> values) {
  const Statistics s = statistics(values);
  return s.median > 0 ? s.p99 / s.median : 0.0;
}

Ratio ratio(std::span<const double> a, std::span<const double> b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] > 0) ratios.push_back(b[i] / a[i]);
  }
  if (ratios.empty()) return {};
  std::sort(ratios.begin(), ratios.end());
  const auto n = static_cast<double>(ratios.size());
  // 1.96: the normal approximation of the binomial distribution, two sides of 2.5 %.
  const double rank = std::floor((n - 1.96 * std::sqrt(n)) / 2);
  const size_t k = rank > 0 ? static_cast<size_t>(rank) : 0;
  return {ratios.size(), quantile(ratios, 0.5), ratios[k], ratios[ratios.size() - 1 - k]};
}

}  // namespace nibble::tools

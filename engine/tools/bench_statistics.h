// Figures about series of times.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nibble::tools {

// Of no values: all 0.
struct Statistics {
  size_t count = 0;
  double median = 0, mean = 0, deviation = 0, min = 0, p10 = 0, p90 = 0, p99 = 0, max = 0;
};
Statistics statistics(std::span<const double> values);

// The value below which the part `part` (0..1) of the sorted values lies, linear between neighbours (R. J. Hyndman and
// Y. Fan, "Sample Quantiles in Statistical Packages", 1996, definition 7).
double quantile(std::span<const double> sorted, double part);

// How far the slow runs lie above the usual one: p99 / median; 0 of no values.
double jitter(std::span<const double> values);

// How much slower b is than a, from runs in turns: the median of b[i] / a[i], with the interval that holds the true
// median in 95 of 100 cases (order statistics of the sign test; the whole range below six pairs).
struct Ratio {
  size_t pairs = 0;
  double median = 0, low = 0, high = 0;
};
Ratio ratio(std::span<const double> a, std::span<const double> b);

}  // namespace nibble::tools

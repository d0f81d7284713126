#include "converter/rounding/scales.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nibble::rounding {
namespace {

// Of elements `members` at this step.
double rounding_error(const LeastSquares& p, std::span<const double> target, std::span<const size_t> members,
                      const ScaleSearch& search, bool block, double step, int32_t low, int32_t high) {
  std::vector<double> e;
  e.reserve(members.size());
  for (size_t j : members) {
    const double q = std::clamp(std::round(target[j] / step), static_cast<double>(low), static_cast<double>(high));
    e.push_back(target[j] - step * q);
  }
  double sum = 0.0;
  for (size_t a = 0; a < e.size(); ++a) {
    if (!search.weighted) {
      sum += e[a] * e[a];
    } else if (!block || p.diagonal()) {
      sum += e[a] * e[a] * p.h_at(static_cast<int64_t>(members[a]));
    } else {
      const std::span<const double> h = p.h_row(static_cast<int64_t>(members[a]));
      double dot = 0.0;
      for (size_t b = 0; b < e.size(); ++b) dot += h[members[b]] * e[b];
      sum += e[a] * dot;
    }
  }
  return sum;
}

double best_step(const LeastSquares& p, std::span<const double> target, std::span<const size_t> members,
                 const ScaleSearch& search, bool block, int32_t low, int32_t high) {
  double most = 0.0;
  for (size_t j : members) most = std::max(most, std::abs(target[j]));
  if (most == 0.0) return 0.0;
  const double full = most / high;
  if (!search.clip) return full;
  double best = full, least = std::numeric_limits<double>::infinity();
  // int8 gains little from clipping and loses by it where the estimate is wrong: outliers matter more than steps.
  const double last = high > 7 ? 0.7 : 0.5;
  for (double ratio = 1.0; ratio > last; ratio -= 0.025) {
    const double error = rounding_error(p, target, members, search, block, ratio * full, low, high);
    if (error < least) best = ratio * full, least = error;
  }
  return best;
}

}  // namespace

void choose_scales(const LeastSquares& p, std::span<const double> target, const ScaleSearch& search, WeightRow& row) {
  const bool grouped = row.top_multiplier > 1 || row.multiplier.size() > 1;
  std::vector<std::vector<size_t>> members(row.multiplier.size());
  for (size_t j = 0; j < row.group.size(); ++j) members[static_cast<size_t>(row.group[j])].push_back(j);
  std::vector<double> steps;
  for (const auto& group : members) steps.push_back(best_step(p, target, group, search, grouped, row.low, row.high));
  const double largest = *std::max_element(steps.begin(), steps.end());
  // A channel of zeros needs some scale.
  row.scale = static_cast<double>(static_cast<float>(std::max(largest / row.top_multiplier, 1e-8 / row.high)));
  for (size_t g = 0; g < steps.size(); ++g) {
    row.multiplier[g] = static_cast<int32_t>(
        std::clamp(std::round(steps[g] / row.scale), 1.0, static_cast<double>(row.top_multiplier)));
  }
}

void round_to_nearest(std::span<const double> target, WeightRow& row) {
  for (size_t j = 0; j < target.size(); ++j) row.value[j] = row.nearest(j, target[j]);
}

}  // namespace nibble::rounding

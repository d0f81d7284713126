#include "converter/prune/divergence.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"

namespace nibble::prune {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;

// Log-probabilities; outputs that already are a distribution are taken as such.
std::vector<double> log_probabilities(std::span<const float> row) {
  double sum = 0.0, least = 0.0, largest = -1e300;
  for (float v : row) {
    sum += static_cast<double>(v);
    least = std::min(least, static_cast<double>(v));
    largest = std::max(largest, static_cast<double>(v));
  }
  std::vector<double> out(row.size());
  if (least >= 0.0 && std::abs(sum - 1.0) < 1e-3) {
    for (size_t i = 0; i < row.size(); ++i) out[i] = std::log(std::max(static_cast<double>(row[i]), 1e-12));
    return out;
  }
  double total = 0.0;
  for (float v : row) total += std::exp(static_cast<double>(v) - largest);
  for (size_t i = 0; i < row.size(); ++i) out[i] = static_cast<double>(row[i]) - largest - std::log(total);
  return out;
}

double divergence(std::span<const float> p, std::span<const float> q) {
  const std::vector<double> log_p = log_probabilities(p), log_q = log_probabilities(q);
  double out = 0.0;
  for (size_t i = 0; i < log_p.size(); ++i) out += std::exp(log_p[i]) * (log_p[i] - log_q[i]);
  return std::isfinite(out) ? out : 1e30;
}

double relative_error(std::span<const float> p, std::span<const float> q) {
  double mean = 0.0, variance = 0.0, error = 0.0;
  for (float v : p) mean += static_cast<double>(v);
  mean /= static_cast<double>(p.size());
  for (size_t i = 0; i < p.size(); ++i) {
    variance += (static_cast<double>(p[i]) - mean) * (static_cast<double>(p[i]) - mean);
    error += (static_cast<double>(p[i]) - static_cast<double>(q[i])) *
             (static_cast<double>(p[i]) - static_cast<double>(q[i]));
  }
  const double out = error / std::max(variance, 1e-30);
  return std::isfinite(out) ? out : 1e30;
}

// Classes of each row, or 0.
size_t classes(const Shape& shape) {
  return shape.size() == 2 && shape[1].is_const() && shape[1].value() > 1 ? static_cast<size_t>(shape[1].value()) : 0;
}

}  // namespace

Result<Divergence> Divergence::make(const Graph& original, const SampleInputs& samples, size_t first, size_t count) {
  Divergence out;
  out.samples_ = &samples;
  out.first_ = first;
  PartialRuns runs(original, samples, original.outputs);
  size_t bytes = 0;
  for (size_t i = first; i < std::min(samples.count, first + count) && bytes < kMostBytes; ++i) {
    NBL_TRY(const auto values, runs.run(i));
    auto& kept = out.outputs_.emplace_back();
    for (const auto& v : values) {
      kept.emplace_back(v.begin(), v.end());
      bytes += v.size_bytes();
    }
  }
  if (out.outputs_.empty()) return Error{Code::invalid_argument, "no samples to compare outputs on"};
  return out;
}

Result<double> Divergence::of(const Graph& candidate) const {
  PartialRuns even(candidate, *samples_, candidate.outputs);
  NBL_CHECK(even.prepare(first_));
  PartialRuns odd = even;
  double sums[2] = {0.0, 0.0};
  NBL_CHECK(for_each_in_two_parts(outputs_.size(), [&](size_t part, size_t i) -> Status {
    NBL_TRY(const auto values, (part == 0 ? even : odd).run(first_ + i));
    for (size_t o = 0; o < values.size(); ++o) {
      const std::span<const float> p = outputs_[i][o], q = values[o];
      if (p.size() != q.size()) return Error{Code::internal, "outputs of different size are compared"};
      const size_t width = classes(candidate.desc(candidate.outputs[o]).shape);
      if (width == 0 || p.size() % width != 0) {
        sums[part] += relative_error(p, q);
        continue;
      }
      double rows = 0.0;
      for (size_t at = 0; at < p.size(); at += width) rows += divergence(p.subspan(at, width), q.subspan(at, width));
      sums[part] += rows * static_cast<double>(width) / static_cast<double>(p.size());
    }
    return {};
  }));
  return (sums[0] + sums[1]) / static_cast<double>(outputs_.size() * candidate.outputs.size());
}

}  // namespace nibble::prune

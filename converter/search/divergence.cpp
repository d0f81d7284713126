#include "converter/search/divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/text.h"
#include "core/try.h"

namespace nibble::search {
namespace {

using reference::FloatValue;
using Values = std::vector<FloatValue>;

constexpr size_t kResamples = 1000;
constexpr double kMostKl = 50.0;  // nats; beyond lies only what is not finite

// xorshift64* (Vigna, 2016).
class Random {
 public:
  size_t below(size_t n) {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return static_cast<size_t>(((state_ * 2685821657736338717u) >> 33) % n);
  }

 private:
  uint64_t state_ = 88172645463325252u;
};

// Maps with fewer channels are pictures.
constexpr int64_t kFewestDenseClasses = 8;

// Class scores: rows of [N, C] and [N, T, C], or [N, C, H, W] with a row a pixel, whose scores lie `stride` apart.
struct Scores {
  size_t classes = 0;  // 0: the output is something else
  size_t stride = 1;
};

Scores scores_of(const FloatValue& v) {
  if (!v.is_real() || v.shape.size() < 2) return {};
  if (v.shape.size() <= 3) return {v.shape.back() >= 2 ? static_cast<size_t>(v.shape.back()) : 0, 1};
  if (v.shape.size() != 4 || v.shape[1] < 2) return {};
  const int64_t pixels = v.shape[2] * v.shape[3];
  if (pixels != 1 && v.shape[1] < kFewestDenseClasses) return {};
  return {static_cast<size_t>(v.shape[1]), static_cast<size_t>(pixels)};
}

std::vector<float> row_of(const FloatValue& v, const Scores& scores, size_t row) {
  std::vector<float> out(scores.classes);
  const size_t first = row / scores.stride * scores.stride * scores.classes + row % scores.stride;
  for (size_t c = 0; c < out.size(); ++c) out[c] = v.real[first + c * scores.stride];
  return out;
}

bool all_finite(const float* row, size_t n) {
  return std::all_of(row, row + n, [](float v) { return std::isfinite(v); });
}

// Log-probabilities of a row, by softmax unless it holds probabilities already.
std::vector<double> log_probabilities(const float* row, size_t n, bool probabilities) {
  std::vector<double> out(row, row + n);
  if (probabilities) {
    for (double& v : out) v = std::log(std::max(v, 1e-12));
  }
  const double top = *std::max_element(out.begin(), out.end());
  double sum = 0.0;
  for (double v : out) sum += std::exp(v - top);
  for (double& v : out) v -= top + std::log(sum);
  return out;
}

bool holds_probabilities(const float* row, size_t n) {
  const bool shares = std::all_of(row, row + n, [](float v) { return v >= 0.0f && v <= 1.0f + 1e-4f; });
  return shares && std::abs(std::accumulate(row, row + n, 0.0) - 1.0) < 1e-2;
}

size_t greatest(const float* row, size_t n) { return static_cast<size_t>(std::max_element(row, row + n) - row); }

struct RowScores {
  double kl = 0.0, agreement = 0.0, drop = 0.0;
};

RowScores compare_rows(const FloatValue& original, const FloatValue& other, const std::optional<int>& label) {
  RowScores out;
  const Scores scores = scores_of(original);
  const size_t classes = scores.classes, rows = original.real.size() / classes;
  for (size_t r = 0; r < rows; ++r) {
    const std::vector<float> original_row = row_of(original, scores, r), other_row = row_of(other, scores, r);
    const float *a = original_row.data(), *b = other_row.data();
    if (!all_finite(a, classes)) continue;
    const size_t first = greatest(a, classes);
    const bool finite = all_finite(b, classes);
    const size_t second = finite ? greatest(b, classes) : classes;
    out.agreement += first == second ? 1.0 : 0.0;
    if (label)
      out.drop += (first == static_cast<size_t>(*label)) - static_cast<double>(second == static_cast<size_t>(*label));
    if (!finite) {
      out.kl += kMostKl;
      continue;
    }
    const bool probabilities = holds_probabilities(a, classes);
    const std::vector<double> p = log_probabilities(a, classes, probabilities),
                              q = log_probabilities(b, classes, probabilities);
    double kl = 0.0;
    for (size_t c = 0; c < classes; ++c) kl += std::exp(p[c]) * (p[c] - q[c]);
    out.kl += std::clamp(kl, 0.0, kMostKl);
  }
  const auto count = static_cast<double>(std::max<size_t>(rows, 1));
  return {out.kl / count, out.agreement / count, 100.0 * out.drop / count};
}

// Noise over signal, the mean of the outputs' own ratios so that a large output does not hide a small one.
double noise_over_signal(const Values& original, const Values& other) {
  double sum = 0.0;
  size_t outputs = 0;
  for (size_t o = 0; o < original.size(); ++o) {
    if (!original[o].is_real() || original[o].real.empty()) continue;
    double signal = 0.0, noise = 0.0;
    for (size_t i = 0; i < original[o].real.size(); ++i) {
      const double a = static_cast<double>(original[o].real[i]), b = static_cast<double>(other[o].real[i]);
      if (!std::isfinite(a)) continue;
      signal += a * a;
      noise += std::isfinite(b) ? (a - b) * (a - b) : std::max(a * a, 1.0);
    }
    sum += signal > 0.0 ? noise / signal : (noise > 0.0 ? 1.0 : 0.0);
    ++outputs;
  }
  return outputs ? sum / static_cast<double>(outputs) : 0.0;
}

}  // namespace

Estimate bootstrap(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  Random random;
  std::vector<double> means;
  for (size_t r = 0; r < kResamples; ++r) {
    double sum = 0.0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    means.push_back(sum / n);
  }
  std::sort(means.begin(), means.end());
  return {std::accumulate(values.begin(), values.end(), 0.0) / n, means[kResamples / 40],
          means[kResamples - 1 - kResamples / 40]};
}

double Divergence::sqnr_db() const { return -10.0 * std::log10(std::max(noise_ratio.mean, 1e-20)); }

Result<DivergenceOracle> DivergenceOracle::make(size_t samples, const SampleRun& original,
                                                std::vector<std::optional<int>> labels) {
  DivergenceOracle out;
  out.labels_ = std::move(labels);
  out.labels_.resize(samples);
  size_t bytes = 0;
  for (size_t i = 0; i < samples; ++i) {
    NBL_TRY(Values values, original(i));
    for (const FloatValue& v : values) bytes += v.real.size() * sizeof(float) + v.stored.size() * sizeof(int64_t);
    if (bytes > kMostBytes && i > 0) break;
    out.outputs_.push_back(std::move(values));
  }
  out.classes_ = !out.outputs_.empty() && !out.outputs_[0].empty() && scores_of(out.outputs_[0][0]).classes > 0;
  return out;
}

bool DivergenceOracle::has_labels() const {
  return classes_ && std::any_of(labels_.begin(), labels_.end(), [](const auto& l) { return l.has_value(); });
}

Result<Divergence> DivergenceOracle::measure(const SampleRun& candidate, size_t samples) const {
  const size_t count = samples == 0 ? outputs_.size() : std::min(samples, outputs_.size());
  std::vector<double> noise, kl, agreement, drop;
  for (size_t i = 0; i < count; ++i) {
    NBL_TRY(const Values values, candidate(i));
    const Values& original = outputs_[i];
    for (size_t o = 0; o < original.size(); ++o) {
      if (values.size() == original.size() && values[o].shape == original[o].shape) continue;
      return Error{Code::internal, format("held-out sample %zu: the candidate's output %zu has another shape", i, o)};
    }
    noise.push_back(noise_over_signal(original, values));
    if (!classes_) continue;
    const RowScores rows = compare_rows(original[0], values[0], labels_[i]);
    kl.push_back(rows.kl);
    agreement.push_back(rows.agreement);
    if (labels_[i]) drop.push_back(rows.drop);
  }
  Divergence out;
  out.samples = count;
  out.noise_ratio = bootstrap(noise);
  if (classes_) {
    out.kl = bootstrap(kl);
    out.agreement = bootstrap(agreement);
    if (!drop.empty()) out.top1_drop = bootstrap(drop);
  }
  out.loss = classes_ ? *out.kl : out.noise_ratio;
  return out;
}

}  // namespace nibble::search

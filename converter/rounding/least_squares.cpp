#include "converter/rounding/least_squares.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/text.h"

namespace nibble::rounding {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// H and l without damping, in place; the mean diagonal of H.
double fill_moments(const GroupSums& s, bool centred, LeastSquares& out) {
  const int64_t k = s.width;
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  std::vector<double> mean(static_cast<size_t>(k), 0.0);
  if (centred) {
    for (int64_t i = 0; i < k; ++i) mean[static_cast<size_t>(i)] = s.sum[static_cast<size_t>(i)] * unit;
  }
  double trace = 0.0;
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      out.h[static_cast<size_t>(i * k + j)] =
          s.gram[static_cast<size_t>(i * k + j)] * unit - mean[static_cast<size_t>(i)] * mean[static_cast<size_t>(j)];
    }
    // Cancellation may leave a constant input just below 0.
    double& d = out.h[static_cast<size_t>(i * k + i)];
    d = std::max(d, 0.0);
    trace += d;
  }
  for (int64_t r = 0; r < s.rows; ++r) {
    double* l = out.linear.data() + r * k;
    if (!s.cross.empty()) {
      const double target = centred ? s.target_sum[static_cast<size_t>(r)] * unit : 0.0;
      for (int64_t i = 0; i < k; ++i)
        l[i] = s.cross[static_cast<size_t>(r * k + i)] * unit - target * mean[static_cast<size_t>(i)];
      continue;
    }
    std::fill_n(l, k, 0.0);
    for (int64_t i = 0; i < k; ++i) {
      const auto w = static_cast<double>(s.weights[static_cast<size_t>(r * k + i)]);
      if (w == 0.0) continue;
      const double* h = out.h.data() + i * k;
      for (int64_t j = 0; j < k; ++j) l[j] += w * h[j];
    }
  }
  return trace / static_cast<double>(k);
}

void damp(const GroupSums& s, const std::vector<double>& amounts, LeastSquares& out) {
  const int64_t k = s.width;
  for (int64_t i = 0; i < k; ++i) out.h[static_cast<size_t>(i * k + i)] += amounts[static_cast<size_t>(i)];
  for (int64_t r = 0; r < s.rows; ++r) {
    for (int64_t i = 0; i < k; ++i)
      out.linear[static_cast<size_t>(r * k + i)] +=
          amounts[static_cast<size_t>(i)] * static_cast<double>(s.weights[static_cast<size_t>(r * k + i)]);
  }
}

// Each weight for itself: the best one is the original, whatever the damping.
LeastSquares make_diagonal(const GroupSums& s, const Damping& damping, bool centred) {
  LeastSquares out{s.rows, s.width, {}, {}, {}};
  const auto k = static_cast<size_t>(s.width);
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  double trace = 0.0;
  for (size_t i = 0; i < k; ++i) {
    const double mean = centred ? s.sum[i] * unit : 0.0;
    out.h.push_back(std::max(s.gram[i] * unit - mean * mean, 0.0));
    trace += out.h.back();
  }
  const double floor = trace > 0.0 ? trace / static_cast<double>(k) * damping.uniform : 1.0;
  for (double& h : out.h) h += floor;
  out.optimum.assign(s.weights.begin(), s.weights.end());
  out.linear = out.optimum;
  for (size_t i = 0; i < out.linear.size(); ++i) out.linear[i] *= out.h[i % k];
  return out;
}

}  // namespace

std::vector<double> factor(std::span<const double> h, int64_t width, std::span<const int64_t> order) {
  std::vector<double> out(h.size());
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j <= i; ++j)
      out[static_cast<size_t>(i * width + j)] =
          h[static_cast<size_t>(order[static_cast<size_t>(i)] * width + order[static_cast<size_t>(j)])];
  }
  Eigen::Map<Matrix> matrix(out.data(), width, width);
  const Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Lower> llt(matrix);  // in place
  if (llt.info() != Eigen::Success) return {};
  for (int64_t i = 0; i < width; ++i) {
    const double d = out[static_cast<size_t>(i * width + i)];
    if (!(d > 0.0) || !std::isfinite(d)) return {};
  }
  return out;
}

Result<LeastSquares> make_least_squares(const GroupSums& s, const Damping& damping, bool centred) {
  LeastSquares out{s.rows, s.width, {}, {}, {}};
  const int64_t k = s.width;
  if (!all_finite(s.gram) || !all_finite(s.cross))
    return Error{Code::invalid_argument, "its statistics hold NaN or infinity"};
  if (!std::all_of(s.weights.begin(), s.weights.end(), [](float v) { return std::isfinite(v); }))
    return Error{Code::invalid_argument, "its weights hold NaN or infinity"};
  if (static_cast<int64_t>(s.gram.size()) < k * k) return make_diagonal(s, damping, centred);
  out.h.resize(static_cast<size_t>(k * k));
  out.linear.resize(static_cast<size_t>(s.rows * k));
  const double mean = fill_moments(s, centred, out);
  const double shrink = static_cast<double>(k) / (static_cast<double>(k) + std::max(s.count, 1.0) * damping.trust);
  // An input that is always 0 says nothing of its weights; they stay as they are.
  const double floor = mean > 0.0 ? mean * damping.uniform : 1.0;
  std::vector<double> amounts(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; ++i)
    amounts[static_cast<size_t>(i)] = floor + shrink * out.h[static_cast<size_t>(i * k + i)];
  damp(s, amounts, out);
  std::vector<int64_t> order(static_cast<size_t>(k));
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> lower = factor(out.h, k, order);
  for (int tries = 0; lower.empty(); ++tries) {
    if (tries == 8)
      return Error{Code::internal,
                   format("its second moments (%lld inputs) cannot be factored", static_cast<long long>(k))};
    std::fill(amounts.begin(), amounts.end(), floor * std::pow(10.0, tries));
    damp(s, amounts, out);
    lower = factor(out.h, k, order);
  }
  out.optimum = out.linear;
  const Eigen::Map<Matrix> l(lower.data(), k, k);
  Eigen::Map<Matrix> solution(out.optimum.data(), s.rows, k);  // X LT-solve: rows are right-hand sides
  auto columns = solution.transpose();
  l.triangularView<Eigen::Lower>().solveInPlace(columns);
  l.triangularView<Eigen::Lower>().transpose().solveInPlace(columns);
  return out;
}

double excess(const LeastSquares& p, int64_t row, std::span<const double> w) {
  double sum = 0.0;
  std::vector<double> e(static_cast<size_t>(p.width));
  for (size_t i = 0; i < e.size(); ++i) e[i] = w[i] - p.optimum[static_cast<size_t>(row * p.width) + i];
  for (int64_t i = 0; i < p.width; ++i) {
    if (e[static_cast<size_t>(i)] == 0.0) continue;
    if (p.diagonal()) {
      sum += e[static_cast<size_t>(i)] * e[static_cast<size_t>(i)] * p.h_at(i);
      continue;
    }
    const std::span<const double> h = p.h_row(i);
    double dot = 0.0;
    for (size_t j = 0; j < e.size(); ++j) dot += h[j] * e[j];
    sum += e[static_cast<size_t>(i)] * dot;
  }
  return sum;
}

}  // namespace nibble::rounding

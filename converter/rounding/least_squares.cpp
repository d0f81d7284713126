#include "converter/rounding/least_squares.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/statistics/gram.h"
#include "core/text.h"

namespace nibble::rounding {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// H without damping; its mean diagonal.
double fill_h(const GroupSums& s, std::span<const double> mean, std::vector<double>& h) {
  const int64_t k = s.width;
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  double trace = 0.0;
  for (int64_t i = 0; i < k; ++i) {
    const double* gram = s.gram.data() + statistics::triangle_row(i);
    for (int64_t j = 0; j <= i; ++j) {
      const double v = gram[j] * unit - mean[static_cast<size_t>(i)] * mean[static_cast<size_t>(j)];
      h[static_cast<size_t>(i * k + j)] = h[static_cast<size_t>(j * k + i)] = v;
    }
    // Cancellation may leave a constant input just below 0.
    double& d = h[static_cast<size_t>(i * k + i)];
    d = std::max(d, 0.0);
    trace += d;
  }
  return trace / static_cast<double>(k);
}

// l without damping; h as fill_h() left it.
std::vector<double> linear_terms(const GroupSums& s, const WantedSums& wanted, std::span<const double> mean,
                                 bool centred, const std::vector<double>& h) {
  const int64_t k = s.width;
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  std::vector<double> out(static_cast<size_t>(s.rows * k), 0.0);
  for (int64_t r = 0; r < s.rows; ++r) {
    double* l = out.data() + r * k;
    if (!wanted.cross.empty()) {
      const double target = centred ? wanted.sum[static_cast<size_t>(r)] * unit : 0.0;
      for (int64_t i = 0; i < k; ++i)
        l[i] = wanted.cross[static_cast<size_t>(r * k + i)] * unit - target * mean[static_cast<size_t>(i)];
      continue;
    }
    for (int64_t i = 0; i < k; ++i) {
      const auto w = static_cast<double>(s.weights[static_cast<size_t>(r * k + i)]);
      if (w == 0.0) continue;
      const double* row = h.data() + i * k;
      for (int64_t j = 0; j < k; ++j) l[j] += w * row[j];
    }
  }
  return out;
}

void damp(const GroupSums& s, const std::vector<double>& amounts, std::vector<double>& h,
          std::vector<LeastSquares>& problems) {
  const int64_t k = s.width;
  for (int64_t i = 0; i < k; ++i) h[static_cast<size_t>(i * k + i)] += amounts[static_cast<size_t>(i)];
  for (LeastSquares& p : problems) {
    for (int64_t r = 0; r < s.rows; ++r) {
      for (int64_t i = 0; i < k; ++i)
        p.linear[static_cast<size_t>(r * k + i)] +=
            amounts[static_cast<size_t>(i)] * static_cast<double>(s.weights[static_cast<size_t>(r * k + i)]);
    }
  }
}

// Each weight for itself: the best one is the original, whatever the damping and whatever is wanted.
LeastSquares make_diagonal(const GroupSums& s, const Damping& damping, bool centred) {
  LeastSquares out{s.rows, s.width, {}, {}, {}};
  const auto k = static_cast<size_t>(s.width);
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  double trace = 0.0;
  std::vector<double> diagonal;
  for (size_t i = 0; i < k; ++i) {
    const double mean = centred ? s.sum[i] * unit : 0.0;
    diagonal.push_back(std::max(s.gram[i] * unit - mean * mean, 0.0));
    trace += diagonal.back();
  }
  const double floor = trace > 0.0 ? trace / static_cast<double>(k) * damping.uniform : 1.0;
  for (double& h : diagonal) h += floor;
  out.optimum.assign(s.weights.begin(), s.weights.end());
  out.linear = out.optimum;
  for (size_t i = 0; i < out.linear.size(); ++i) out.linear[i] *= diagonal[i % k];
  out.shared_h = std::make_shared<const std::vector<double>>(std::move(diagonal));
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

Result<std::vector<LeastSquares>> make_least_squares(const GroupSums& s, std::span<const WantedSums> wanted,
                                                     const Damping& damping, bool centred) {
  const int64_t k = s.width;
  const bool wanted_finite =
      std::all_of(wanted.begin(), wanted.end(), [](const WantedSums& w) { return all_finite(w.cross); });
  if (!all_finite(s.gram) || !wanted_finite)
    return Error{Code::invalid_argument, "its statistics hold NaN or infinity"};
  if (!std::all_of(s.weights.begin(), s.weights.end(), [](float v) { return std::isfinite(v); }))
    return Error{Code::invalid_argument, "its weights hold NaN or infinity"};
  if (static_cast<int64_t>(s.gram.size()) < statistics::triangle_size(k))
    return std::vector<LeastSquares>(wanted.size(), make_diagonal(s, damping, centred));
  const double unit = s.count > 0 ? 1.0 / s.count : 0.0;
  std::vector<double> mean(static_cast<size_t>(k), 0.0);
  for (size_t i = 0; centred && i < mean.size(); ++i) mean[i] = s.sum[i] * unit;
  const auto h = std::make_shared<std::vector<double>>(static_cast<size_t>(k * k));
  const double diagonal = fill_h(s, mean, *h);
  std::vector<LeastSquares> out;
  for (const WantedSums& w : wanted) out.push_back({s.rows, k, h, linear_terms(s, w, mean, centred, *h), {}});
  const double shrink = static_cast<double>(k) / (static_cast<double>(k) + std::max(s.count, 1.0) * damping.trust);
  // An input that is always 0 says nothing of its weights; they stay as they are.
  const double floor = diagonal > 0.0 ? diagonal * damping.uniform : 1.0;
  std::vector<double> amounts(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; ++i)
    amounts[static_cast<size_t>(i)] = floor + shrink * (*h)[static_cast<size_t>(i * k + i)];
  damp(s, amounts, *h, out);
  std::vector<int64_t> order(static_cast<size_t>(k));
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> lower = factor(*h, k, order);
  for (int tries = 0; lower.empty(); ++tries) {
    if (tries == 8)
      return Error{Code::internal,
                   format("its second moments (%lld inputs) cannot be factored", static_cast<long long>(k))};
    std::fill(amounts.begin(), amounts.end(), floor * std::pow(10.0, tries));
    damp(s, amounts, *h, out);
    lower = factor(*h, k, order);
  }
  const Eigen::Map<Matrix> l(lower.data(), k, k);
  for (LeastSquares& p : out) {
    p.optimum = p.linear;
    Eigen::Map<Matrix> solution(p.optimum.data(), s.rows, k);  // X LT-solve: rows are right-hand sides
    auto columns = solution.transpose();
    l.triangularView<Eigen::Lower>().solveInPlace(columns);
    l.triangularView<Eigen::Lower>().transpose().solveInPlace(columns);
  }
  return out;
}

double excess(const LeastSquares& p, int64_t row, std::span<const double> w) {
  double sum = 0.0;
  const auto k = static_cast<size_t>(p.width);
  std::vector<double> e(k);
  for (size_t i = 0; i < k; ++i) e[i] = w[i] - p.optimum[static_cast<size_t>(row) * k + i];
  if (p.diagonal()) {
    for (size_t i = 0; i < k; ++i) sum += e[i] * e[i] * p.h_at(static_cast<int64_t>(i));
    return sum;
  }
  // H e row by row of the symmetric H: every entry is summed in the order of a dot product, all of them at a time.
  std::vector<double> product(k, 0.0);
  for (size_t j = 0; j < k; ++j) {
    const double* h = p.h().data() + j * k;
    const double by = e[j];
    for (size_t i = 0; i < k; ++i) product[i] += h[i] * by;
  }
  for (size_t i = 0; i < k; ++i) sum += e[i] * product[i];
  return sum;
}

}  // namespace nibble::rounding

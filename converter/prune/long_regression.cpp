#include "converter/prune/long_regression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "converter/prune/cholesky.h"
#include "converter/statistics/gram.h"

namespace nibble::prune {
namespace {

// All [r + 1, outputs]: what RegressionSums has row behind row is a column here.
using Matrix = Eigen::MatrixXd;
using Eigen::Index;

constexpr int kThreads = 2;
constexpr Index kMostJudged = 64;
constexpr std::array<double, 10> kRidges{1e-11, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0};
constexpr size_t kFirstRidge = 5;

// Evenly spread.
std::vector<Index> judged_outputs(Index outputs) {
  const Index count = std::min(outputs, kMostJudged);
  std::vector<Index> out;
  for (Index i = 0; i < count; ++i) out.push_back(i * outputs / count);
  return out;
}

double rows_of(const RegressionSums& sums) { return std::max<double>(1.0, static_cast<double>(sums.count)); }

// Means of products over the rows of both, on and below the diagonal; `more` may be null.
void read_gram(const RegressionSums& sums, const RegressionSums* more, Matrix& out) {
  const Index k = sums.inputs + 1;
  const double n = more ? static_cast<double>(std::max<uint64_t>(1, sums.count + more->count)) : rows_of(sums);
  out.resize(k, k);
  statistics::parallel_for((k + 63) / 64, kThreads, [&](int64_t block) {
    for (Index j = block * 64; j < std::min(k, block * 64 + 64); ++j) {
      for (Index i = j; i < k; ++i) {
        const auto at = static_cast<size_t>(statistics::triangle_row(i) + j);
        out(i, j) = (more ? sums.gram[at] + more->gram[at] : sums.gram[at]) / n;
      }
    }
  });
}

Matrix read_cross(const RegressionSums& sums, const RegressionSums* more, const std::vector<Index>& outputs) {
  const Index k = sums.inputs + 1;
  const double n = more ? static_cast<double>(std::max<uint64_t>(1, sums.count + more->count)) : rows_of(sums);
  Matrix out(k, static_cast<Index>(outputs.size()));
  for (size_t o = 0; o < outputs.size(); ++o) {
    const auto first = static_cast<size_t>(outputs[o] * k);
    for (Index i = 0; i < k; ++i) {
      const auto at = first + static_cast<size_t>(i);
      out(i, static_cast<Index>(o)) = (more ? sums.cross[at] + more->cross[at] : sums.cross[at]) / n;
    }
  }
  return out;
}

// Of the columns' covariance.
double mean_variance(const Matrix& gram) {
  const Index last = gram.rows() - 1;
  double sum = 0.0;
  for (Index i = 0; i < last; ++i) sum += std::max(0.0, gram(i, i) - gram(last, i) * gram(last, i));
  return sum / static_cast<double>(std::max<Index>(1, last));
}

Matrix times(const Matrix& gram, const Matrix& w) {
  constexpr Index kColumns = 64;
  Matrix out(w.rows(), w.cols());
  statistics::parallel_for((w.cols() + kColumns - 1) / kColumns, kThreads, [&](int64_t chunk) {
    const Index at = chunk * kColumns, width = std::min(kColumns, w.cols() - at);
    out.middleCols(at, width).noalias() = gram.selfadjointView<Eigen::Lower>() * w.middleCols(at, width);
  });
  return out;
}

// Replaces `change`, what the sums ask for beyond the start, by the change of the weights; spoils `gram`.
bool solve(Matrix& gram, double scale, double ridge, Matrix& change) {
  const double lambda = std::max(ridge * scale, 1e-30);
  const Index last = gram.rows() - 1;
  gram.diagonal().array() += lambda;
  gram(last, last) -= lambda * (1.0 - 1e-9);
  if (!factor_in_place(gram, kThreads)) return false;
  solve_factored(gram, change, kThreads);
  return change.allFinite();
}

// The outputs that ridges are judged on, in both halves.
class Trial {
 public:
  Trial(const RegressionSums& even, const RegressionSums& odd, const Matrix& start, const std::vector<Index>& outputs,
        Matrix& work)
      : halves_{&even, &odd}, start_(start), work_(work) {
    for (size_t h = 0; h < 2; ++h) {
      cross_[h] = read_cross(*halves_[h], nullptr, outputs);
      read_gram(*halves_[h], nullptr, work_);
      scale_[h] = mean_variance(work_);
      const Matrix products = times(work_, start_);
      asked_[h] = cross_[h] - products;
      before_ += start_.cwiseProduct(products).sum() - 2.0 * start_.cwiseProduct(cross_[h]).sum();
      double squares = 0.0;
      for (Index o : outputs) squares += halves_[h]->squares[static_cast<size_t>(o)];
      squares /= rows_of(*halves_[h]);
      squares_ += squares;
      spread_ += std::max(squares - cross_[h].bottomRows(1).squaredNorm(), 1e-30);
    }
  }

  double before() const { return (before_ + squares_) / spread_; }
  // Each half fitted, judged on the other; infinite where that cannot be told.
  double after(double ridge) {
    double sum = squares_;
    for (size_t h = 0; h < 2; ++h) {
      read_gram(*halves_[h], nullptr, work_);
      Matrix w = asked_[h];
      if (!solve(work_, scale_[h], ridge, w)) return std::numeric_limits<double>::infinity();
      w += start_;
      read_gram(*halves_[1 - h], nullptr, work_);
      sum += w.cwiseProduct(times(work_, w)).sum() - 2.0 * w.cwiseProduct(cross_[1 - h]).sum();
    }
    return std::isfinite(sum) ? sum / spread_ : std::numeric_limits<double>::infinity();
  }

 private:
  const RegressionSums* halves_[2];
  const Matrix& start_;
  Matrix& work_;
  Matrix cross_[2], asked_[2];
  double scale_[2] = {0.0, 0.0};
  double before_ = 0.0, squares_ = 0.0, spread_ = 0.0;
};

// Downhill from the first ridge; the error, and which one.
std::pair<double, size_t> best_ridge(Trial& trial) {
  size_t best = kFirstRidge;
  double least = trial.after(kRidges[best]);
  const auto walk = [&](int step) {
    bool moved = false;
    for (;;) {
      const size_t next = best + static_cast<size_t>(step);  // wraps below 0
      if (next >= kRidges.size()) return moved;
      const double error = trial.after(kRidges[next]);
      if (!(error < least)) return moved;
      least = error;
      best = next;
      moved = true;
    }
  };
  if (!walk(-1)) walk(1);
  return {least, best};
}

}  // namespace

Fit fit_long_rows(const RegressionSums& even, const RegressionSums& odd, std::span<const double> start) {
  const Index k = even.inputs + 1, outputs = even.outputs;
  const Eigen::Map<const Matrix> before(start.data(), k, outputs);
  Fit out;
  out.weights.assign(start.begin(), start.end());
  out.ridge = -1.0;
  Matrix work;
  {
    const std::vector<Index> judged = judged_outputs(outputs);
    Matrix judged_start(k, static_cast<Index>(judged.size()));
    for (size_t i = 0; i < judged.size(); ++i) judged_start.col(static_cast<Index>(i)) = before.col(judged[i]);
    Trial trial(even, odd, judged_start, judged, work);
    out.error_before = trial.before();
    out.error_after = out.error_before;
    const auto [error, ridge] = best_ridge(trial);
    if (!(error < out.error_before)) return out;
    out.error_after = error;
    out.ridge = kRidges[ridge];
  }
  std::vector<Index> all;
  for (Index o = 0; o < outputs; ++o) all.push_back(o);
  read_gram(even, &odd, work);
  Matrix change = read_cross(even, &odd, all);
  change -= times(work, before);
  const double scale = mean_variance(work);
  if (!solve(work, scale, out.ridge, change)) {
    out.ridge = -1.0;
    out.error_after = out.error_before;
    return out;
  }
  for (Index i = 0; i < change.size(); ++i) out.weights[static_cast<size_t>(i)] += change.data()[i];
  return out;
}

}  // namespace nibble::prune

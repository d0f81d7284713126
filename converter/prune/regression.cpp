#include "converter/prune/regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "converter/prune/long_regression.h"
#include "converter/statistics/gram.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Below this many multiplications a block of rows is summed in double.
constexpr int64_t kSmallWork = int64_t{1} << 21;

struct System {
  Matrix gram;   // [r + 1, r + 1]
  Matrix cross;  // [o, r + 1]
  double scale;  // mean diagonal of the covariance
};

System system_of(const RegressionSums& sums) {
  const int64_t k = sums.inputs + 1;
  const double n = std::max<double>(1.0, static_cast<double>(sums.count));
  System out;
  out.gram.resize(k, k);
  for (int64_t i = 0; i < k; ++i) {
    const double* row = sums.gram.data() + statistics::triangle_row(i);
    for (int64_t j = 0; j <= i; ++j) out.gram(i, j) = out.gram(j, i) = row[j] / n;
  }
  out.cross = Eigen::Map<const Matrix>(sums.cross.data(), sums.outputs, k) / n;
  double variance = 0.0;
  for (int64_t i = 0; i < sums.inputs; ++i)
    variance += std::max(0.0, out.gram(i, i) - out.gram(i, k - 1) * out.gram(i, k - 1));
  out.scale = variance / static_cast<double>(std::max<int64_t>(1, sums.inputs));
  return out;
}

Matrix solve(const System& s, const Matrix& start, double ridge) {
  const Eigen::Index k = s.gram.rows();
  const double lambda = std::max(ridge * s.scale, 1e-30);
  Matrix left = s.gram;
  Matrix right = s.cross - start * s.gram;  // for the change of the weights
  left.diagonal().array() += lambda;
  left(k - 1, k - 1) -= lambda * (1.0 - 1e-9);
  const Eigen::LDLT<Eigen::MatrixXd> factor(left);
  Matrix out = start + factor.solve(right.transpose()).transpose();
  return out.allFinite() ? out : start;
}

// Mean squared error without the constant E y^2.
double error(const System& s, const Matrix& w) {
  return (w * s.gram).cwiseProduct(w).sum() - 2.0 * w.cwiseProduct(s.cross).sum();
}

double mean_square(const RegressionSums& sums) {
  double out = 0.0;
  for (double v : sums.squares) out += v;
  return out / std::max<double>(1.0, static_cast<double>(sums.count));
}

double variance(const RegressionSums& sums, const System& s) {
  double out = mean_square(sums);
  for (Eigen::Index o = 0; o < s.cross.rows(); ++o)
    out -= s.cross(o, s.cross.cols() - 1) * s.cross(o, s.cross.cols() - 1);
  return std::max(out, 1e-30);
}

}  // namespace

RegressionSums::RegressionSums(int64_t r, int64_t o) : inputs(r), outputs(o) {
  gram.assign(static_cast<size_t>(statistics::triangle_size(r + 1)), 0.0);
  cross.assign(static_cast<size_t>(o * (r + 1)), 0.0);
  squares.assign(static_cast<size_t>(o), 0.0);
}

void RegressionSums::add(std::span<const float> x, std::span<const float> y, int64_t n) {
  const int64_t k = inputs + 1;
  if (n * k * k <= kSmallWork) {
    const Matrix rows = Eigen::Map<const FloatMatrix>(x.data(), n, k).cast<double>();
    const Matrix targets = Eigen::Map<const FloatMatrix>(y.data(), n, outputs).cast<double>();
    Matrix products(k, k);
    products.noalias() = rows.transpose() * rows;
    for (int64_t i = 0; i < k; ++i) {
      double* row = gram.data() + statistics::triangle_row(i);
      for (int64_t j = 0; j <= i; ++j) row[j] += products(i, j);
    }
    Eigen::Map<Matrix>(cross.data(), outputs, k).noalias() += targets.transpose() * rows;
  } else {
    statistics::add_gram(x.data(), n, k, gram.data(), 1);
    statistics::add_cross(y.data(), x.data(), n, outputs, k, cross.data(), 1);
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t o = 0; o < outputs; ++o) {
      const auto v = static_cast<double>(y[static_cast<size_t>(i * outputs + o)]);
      squares[static_cast<size_t>(o)] += v * v;
    }
  }
  count += static_cast<uint64_t>(n);
}

void RegressionSums::add(const RegressionSums& other) {
  const auto sum = [](std::vector<double>& a, const std::vector<double>& b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  };
  sum(gram, other.gram);
  sum(cross, other.cross);
  sum(squares, other.squares);
  count += other.count;
}

Fit fit_layer(const RegressionSums& even, const RegressionSums& odd, std::span<const double> start) {
  if (even.inputs > kLongFit) return fit_long_rows(even, odd, start);
  const Matrix before = Eigen::Map<const Matrix>(start.data(), even.outputs, even.inputs + 1);
  const System halves[2] = {system_of(even), system_of(odd)};
  const double spread = variance(even, halves[0]) + variance(odd, halves[1]);
  const double squares = mean_square(even) + mean_square(odd);
  Fit out;
  out.error_before = (error(halves[0], before) + error(halves[1], before) + squares) / spread;
  out.error_after = out.error_before;
  out.ridge = -1.0;
  for (double ridge : {1e-11, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0}) {
    double sum = squares;
    for (size_t h = 0; h < 2; ++h) sum += error(halves[1 - h], solve(halves[h], before, ridge));
    if (!(sum / spread < out.error_after)) continue;
    out.error_after = sum / spread;
    out.ridge = ridge;
  }
  RegressionSums both = even;
  both.add(odd);
  const Matrix w = out.ridge < 0.0 ? before : solve(system_of(both), before, out.ridge);
  out.weights.assign(w.data(), w.data() + w.size());
  return out;
}

void restore_spread(const RegressionSums& even, const RegressionSums& odd, std::vector<double>& weights) {
  RegressionSums both = even;
  both.add(odd);
  const System s = system_of(both);
  const Eigen::Index k = s.gram.rows();
  const double n = std::max<double>(1.0, static_cast<double>(both.count));
  Eigen::Map<Matrix> w(weights.data(), both.outputs, k);
  for (Eigen::Index o = 0; o < w.rows(); ++o) {
    const double mean = w.row(o).dot(s.gram.col(k - 1)), target_mean = s.cross(o, k - 1);
    const double fitted = w.row(o) * s.gram * w.row(o).transpose() - mean * mean;
    const double target = both.squares[static_cast<size_t>(o)] / n - target_mean * target_mean;
    if (!(fitted > 0.0) || !(target > 0.0)) continue;
    // At most doubled: what is nearly not there cannot be made louder.
    const double a = 1.0 + n / (n + 1000.0) * (std::clamp(std::sqrt(target / fitted), 0.5, 2.0) - 1.0);
    w.row(o) *= a;
    w(o, k - 1) += target_mean - a * mean;
  }
}

}  // namespace nibble::prune

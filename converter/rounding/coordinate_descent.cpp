#include "converter/rounding/coordinate_descent.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace nibble::rounding {
namespace {

// A row with the gradient of its loss: g = l - w H, half of minus the gradient.
class Descent {
 public:
  Descent(const LeastSquares& p, int64_t index, WeightRow& row)
      : p_(p), row_(row), linear_(p.linear.data() + index * p.width), optimum_(p.optimum.data() + index * p.width) {
    k_ = static_cast<size_t>(p.width);
    w_ = row.reals();
    g_.resize(k_);
    refresh();
  }

  double loss() const {
    double sum = 0.0;
    for (size_t j = 0; j < k_; ++j) sum += (optimum_[j] - w_[j]) * g_[j];
    return std::max(sum, 0.0);
  }

  void values() {
    for (size_t j = 0; j < k_; ++j) {
      const double h = diagonal(j);
      const int32_t q = row_.nearest(j, w_[j] + g_[j] / h);
      if (q == row_.value[j]) continue;
      const double change = row_.step(j) * q - w_[j];
      if (!(2.0 * change * g_[j] - change * change * h > 0.0)) continue;
      row_.value[j] = q;
      move(j, change);
    }
  }

  void multipliers() {
    if (row_.top_multiplier == 1) return;
    std::vector<std::vector<size_t>> members(row_.multiplier.size());
    for (size_t j = 0; j < k_; ++j) {
      if (row_.value[j] != 0) members[static_cast<size_t>(row_.group[j])].push_back(j);
    }
    for (size_t m = 0; m < members.size(); ++m) {
      double slope = 0.0, curve = 0.0;  // along one unit of the multiplier
      for (size_t a : members[m]) {
        const double va = row_.scale * row_.value[a];
        slope += va * g_[a];
        double dot = 0.0;
        if (p_.diagonal()) {
          dot = diagonal(a) * va;
        } else {
          for (size_t b : members[m]) dot += p_.h()[a * k_ + b] * row_.scale * row_.value[b];
        }
        curve += va * dot;
      }
      if (!(curve > 0.0)) continue;
      const auto to = static_cast<int32_t>(
          std::clamp(std::round(row_.multiplier[m] + slope / curve), 1.0, static_cast<double>(row_.top_multiplier)));
      const double by = to - row_.multiplier[m];
      if (by == 0.0 || !(2.0 * by * slope - by * by * curve > 0.0)) continue;
      row_.multiplier[m] = to;
      for (size_t a : members[m]) move(a, by * row_.scale * row_.value[a]);
    }
  }

  void scale() {
    double slope = 0.0, curve = 0.0;  // along w itself; w H = l - g
    for (size_t j = 0; j < k_; ++j) {
      slope += w_[j] * g_[j];
      curve += w_[j] * (linear_[j] - g_[j]);
    }
    if (!(curve > 0.0)) return;
    const auto to = static_cast<double>(static_cast<float>(row_.scale * (1.0 + slope / curve)));
    const double by = to / row_.scale - 1.0;
    if (!(to > 1e-12) || !(2.0 * by * slope - by * by * curve > 0.0)) return;
    row_.scale = to;
    for (size_t j = 0; j < k_; ++j) {
      g_[j] -= by * (linear_[j] - g_[j]);
      w_[j] = row_.real(j);
    }
  }

  // g from w again: small steps add up to small errors.
  void refresh() {
    std::copy_n(linear_, k_, g_.begin());
    for (size_t j = 0; j < k_; ++j) {
      if (w_[j] != 0.0) add_row(j, -w_[j]);
    }
  }

 private:
  double diagonal(size_t j) const { return p_.h_at(static_cast<int64_t>(j)); }
  void add_row(size_t j, double factor) {
    if (p_.diagonal()) {
      g_[j] += factor * p_.h()[j];
      return;
    }
    const double* h = p_.h().data() + j * k_;
    for (size_t i = 0; i < k_; ++i) g_[i] += factor * h[i];
  }
  void move(size_t j, double change) {
    w_[j] = row_.real(j);
    add_row(j, -change);
  }

  const LeastSquares& p_;
  WeightRow& row_;
  const double* linear_;
  const double* optimum_;
  size_t k_ = 0;
  std::vector<double> w_, g_;
};

}  // namespace

double descend(const LeastSquares& p, int64_t index, const DescentOptions& options, WeightRow& row) {
  Descent descent(p, index, row);
  double before = descent.loss();
  for (int sweep = 0; sweep < options.sweeps; ++sweep) {
    descent.values();
    if (options.move_scales) {
      descent.multipliers();
      descent.scale();
    }
    const double after = descent.loss();
    if (!(before - after > options.least_gain * before)) break;
    before = after;
  }
  descent.refresh();
  return descent.loss();
}

double search_exactly(const LeastSquares& p, int64_t index, bool move_scales, WeightRow& row) {
  const auto k = static_cast<size_t>(p.width);
  const double* optimum = p.optimum.data() + static_cast<size_t>(index) * k;
  WeightRow best = row;
  double least = excess(p, index, row.reals());
  for (double ratio = move_scales ? 0.8 : 1.0; ratio <= 1.0001; ratio += 0.0125) {
    WeightRow trial = row;
    trial.scale = static_cast<double>(static_cast<float>(row.scale * ratio));
    // All down; the Gray code then changes one element at a time. d = w - optimum, hd = H d.
    std::vector<double> d(k), hd(k, 0.0), up(k, 0.0);
    for (size_t j = 0; j < k; ++j) {
      const double q = std::clamp(std::floor(optimum[j] / trial.step(j)), static_cast<double>(row.low),
                                  static_cast<double>(row.high));
      trial.value[j] = static_cast<int32_t>(q);
      up[j] = trial.value[j] < row.high ? trial.step(j) : 0.0;
      d[j] = trial.real(j) - optimum[j];
    }
    for (size_t j = 0; j < k; ++j) {
      for (size_t i = 0; i < k; ++i) hd[i] += d[j] * p.h()[j * k + i];
    }
    double loss = 0.0, found = 0.0;
    for (size_t j = 0; j < k; ++j) loss += d[j] * hd[j];
    found = loss;
    uint32_t state = 0, chosen = 0;
    for (uint32_t n = 1; n < (1u << k); ++n) {
      const auto j = static_cast<size_t>(std::countr_zero(n));
      const double by = (state >> j & 1u) ? -up[j] : up[j];
      state ^= 1u << j;
      loss += by * (2.0 * hd[j] + by * p.h()[j * k + j]);
      for (size_t i = 0; i < k; ++i) hd[i] += by * p.h()[j * k + i];
      if (loss < found) found = loss, chosen = state;
    }
    if (!(found < least)) continue;
    for (size_t j = 0; j < k; ++j) trial.value[j] += (chosen >> j & 1u) && up[j] > 0.0 ? 1 : 0;
    const double exact = excess(p, index, trial.reals());
    if (exact < least) least = exact, best = trial;
  }
  row = best;
  return least;
}

}  // namespace nibble::rounding

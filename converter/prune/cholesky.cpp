#include "converter/prune/cholesky.h"

#include <algorithm>
#include <vector>

#include "converter/statistics/gram.h"

namespace nibble::prune {
namespace {

using Eigen::Index;
using Eigen::Lower;
using statistics::parallel_for;

// Columns that are worked on at once; the order of sums hangs on it.
constexpr Index kPanel = 128;

Index panels(Index n) { return (n + kPanel - 1) / kPanel; }

}  // namespace

void subtract_outer(Symmetric a, const ConstBlock& f, int threads) {
  const Index n = a.rows();
  parallel_for(panels(n), threads, [&](int64_t panel) {
    const Index at = panel * kPanel, width = std::min(kPanel, n - at);
    a.block(at, at, n - at, width).noalias() -= f.bottomRows(n - at) * f.middleRows(at, width).transpose();
  });
}

bool factor_in_place(Symmetric a, int threads) {
  const Index n = a.rows();
  for (Index at = 0; at < n; at += kPanel) {
    const Index width = std::min(kPanel, n - at), left = n - at - width;
    auto corner = a.block(at, at, width, width);
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Lower> llt(corner);
    if (llt.info() != Eigen::Success || !corner.diagonal().allFinite()) return false;
    if (left == 0) break;
    auto below = a.block(at + width, at, left, width);
    parallel_for(panels(left), threads, [&](int64_t chunk) {
      const Index row = chunk * kPanel;
      auto rows = below.middleRows(row, std::min(kPanel, left - row));
      corner.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(rows);
    });
    subtract_outer(a.bottomRightCorner(left, left), below, threads);
  }
  return true;
}

void invert_factored(Symmetric factor, int threads) {
  const Index n = factor.rows();
  // A panel's columns of the inverse need the factor from the panel on alone: those before it may be gone.
  std::vector<Eigen::MatrixXd> made(static_cast<size_t>(std::max(1, threads)));
  for (Index first = 0; first < panels(n); first += static_cast<Index>(made.size())) {
    const Index count = std::min(static_cast<Index>(made.size()), panels(n) - first);
    parallel_for(count, threads, [&](int64_t i) {
      const Index at = (first + i) * kPanel;
      auto corner = factor.bottomRightCorner(n - at, n - at).triangularView<Lower>();
      Eigen::MatrixXd& columns = made[static_cast<size_t>(i)];
      columns.setIdentity(n - at, std::min(kPanel, n - at));
      corner.solveInPlace(columns);
      corner.transpose().solveInPlace(columns);
    });
    for (Index i = 0; i < count; ++i) {
      const Index at = (first + i) * kPanel;
      const Eigen::MatrixXd& columns = made[static_cast<size_t>(i)];
      factor.block(at, at, n - at, columns.cols()) = columns;
    }
  }
}

void solve_factored(const ConstBlock& factor, Symmetric right, int threads) {
  constexpr Index kColumns = 64;
  parallel_for((right.cols() + kColumns - 1) / kColumns, threads, [&](int64_t chunk) {
    auto columns = right.middleCols(chunk * kColumns, std::min(kColumns, right.cols() - chunk * kColumns));
    factor.triangularView<Lower>().solveInPlace(columns);
    factor.triangularView<Lower>().transpose().solveInPlace(columns);
  });
}

}  // namespace nibble::prune

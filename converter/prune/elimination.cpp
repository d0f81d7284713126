#include "converter/prune/elimination.h"

#include <algorithm>
#include <limits>

#include "converter/prune/cholesky.h"
#include "converter/statistics/gram.h"

namespace nibble::prune {
namespace {

using Eigen::Index;
using Matrix = Elimination::Matrix;

// Columns of removed channels after which what is pending is subtracted.
constexpr Index kMostPending = 256;

double entry(const Matrix& lower, Index i, Index j) { return i >= j ? lower(i, j) : lower(j, i); }

Matrix selected_columns(const Matrix& m, const std::vector<Index>& at) {
  Matrix out(m.rows(), static_cast<Index>(at.size()));
  for (size_t i = 0; i < at.size(); ++i) out.col(static_cast<Index>(i)) = m.col(at[i]);
  return out;
}

// Rows `at` of the first `width` columns.
Matrix selected_rows(const Matrix& m, const std::vector<Index>& at, Index width) {
  Matrix out(static_cast<Index>(at.size()), width);
  for (size_t i = 0; i < at.size(); ++i) out.row(static_cast<Index>(i)) = m.row(at[i]).head(width);
  return out;
}

// Cholesky factor of a block of an inverse; rounding may have left it short of positive definite.
Matrix factor_of(const Matrix& block) {
  const double mean = std::max(block.diagonal().cwiseAbs().mean(), std::numeric_limits<double>::min());
  for (double more = 0.0; more < 1.0; more = more == 0.0 ? 1e-14 : 10.0 * more) {
    Matrix raised = block;
    raised.diagonal().array() += more * mean;
    const Eigen::LLT<Matrix> llt(raised);
    if (llt.info() == Eigen::Success) return llt.matrixL();
  }
  return Matrix::Identity(block.rows(), block.cols()) * std::sqrt(mean);
}

// tr(W_S A^-1 W_S^T) for A = `inverse` and WT W = `squares`.
double trace_of(const Matrix& inverse, const Matrix& squares) {
  const Matrix factor = factor_of(inverse);
  Matrix half = squares;
  factor.triangularView<Eigen::Lower>().solveInPlace(half);
  half.transposeInPlace();
  factor.triangularView<Eigen::Lower>().solveInPlace(half);
  return half.trace();
}

}  // namespace

Elimination::Elimination(Matrix inverse, Matrix weights, std::vector<std::vector<Index>> columns, int threads)
    : inverse_(std::move(inverse)), weights_(std::move(weights)), left_(inverse_.rows()), threads_(threads) {
  Index widest = 1;
  for (auto& own : columns) {
    widest = std::max(widest, static_cast<Index>(own.size()));
    channels_.push_back({.columns = std::move(own), .inverse = {}, .squares = {}});
  }
  const Index room = std::min(kMostPending + widest, std::max<Index>(left_, 1));
  taken_.resize(left_, room);
  given_.resize(weights_.rows(), room);
  statistics::parallel_for(static_cast<int64_t>(channels_.size()), threads_,
                           [&](int64_t c) { read_blocks(channels_[static_cast<size_t>(c)]); });
}

void Elimination::read_blocks(Channel& channel) const {
  const auto size = static_cast<Index>(channel.columns.size());
  if (channel.gone || size == 0) return;
  channel.inverse.resize(size, size);
  for (Index i = 0; i < size; ++i) {
    for (Index j = 0; j < size; ++j)
      channel.inverse(i, j) =
          entry(inverse_, channel.columns[static_cast<size_t>(i)], channel.columns[static_cast<size_t>(j)]);
  }
  const Matrix own = selected_columns(weights_, channel.columns);
  channel.squares = own.transpose() * own;
  channel.loss = trace_of(channel.inverse, channel.squares);
}

Matrix Elimination::inverse_columns(const std::vector<Index>& at) const {
  Matrix out(left_, static_cast<Index>(at.size()));
  for (size_t s = 0; s < at.size(); ++s)
    out.col(static_cast<Index>(s)).tail(left_ - at[s]) = inverse_.col(at[s]).segment(at[s], left_ - at[s]);
  for (Index j = 0; j < left_; ++j) {  // above the diagonal: rows, which lie side by side in each column
    for (size_t s = 0; s < at.size(); ++s) {
      if (j < at[s]) out(j, static_cast<Index>(s)) = inverse_(at[s], j);
    }
  }
  return out;
}

void Elimination::remove(size_t channel) {
  Channel& removed = channels_[channel];
  const auto size = static_cast<Index>(removed.columns.size());
  if (pending_ + size > taken_.cols() || pending_ >= kMostPending) subtract_pending();
  removed.gone = true;
  removed.loss = 0.0;
  if (size == 0) return;

  Matrix own = inverse_columns(removed.columns), weights = selected_columns(weights_, removed.columns);
  const auto taken = taken_.topLeftCorner(left_, pending_);
  const auto given = given_.leftCols(pending_);
  const Matrix before = selected_rows(taken_, removed.columns, pending_);
  own.noalias() -= taken * before.transpose();
  weights.noalias() -= given * before.transpose();
  const Matrix factor = factor_of(selected_rows(own, removed.columns, size));
  const auto right = factor.transpose().triangularView<Eigen::Upper>();
  right.solveInPlace<Eigen::OnTheRight>(own);
  right.solveInPlace<Eigen::OnTheRight>(weights);

  Matrix products(left_, size);  // WT times what each output gives
  products.noalias() = weights_.leftCols(left_).transpose() * weights;
  const Matrix together = given.transpose() * weights;
  products.noalias() -= taken * together;
  const Matrix squares = weights.transpose() * weights;
  statistics::parallel_for(static_cast<int64_t>(channels_.size()), left_ < 1024 ? 1 : threads_, [&](int64_t c) {
    Channel& other = channels_[static_cast<size_t>(c)];
    if (other.gone || other.columns.empty()) return;
    const Matrix f = selected_rows(own, other.columns, size), z = selected_rows(products, other.columns, size);
    const Matrix cross = z * f.transpose();
    other.inverse.noalias() -= f * f.transpose();
    other.squares -= cross + cross.transpose();
    other.squares += f * squares * f.transpose();
    other.loss = trace_of(other.inverse, other.squares);
  });
  taken_.block(0, pending_, left_, size) = own;
  given_.middleCols(pending_, size) = weights;
  pending_ += size;
}

void Elimination::subtract_pending() {
  compact();
  const auto taken = taken_.topLeftCorner(left_, pending_);
  subtract_outer(inverse_.topLeftCorner(left_, left_), taken, threads_);
  constexpr Index kColumns = 256;
  statistics::parallel_for((left_ + kColumns - 1) / kColumns, threads_, [&](int64_t chunk) {
    const Index at = chunk * kColumns, width = std::min(kColumns, left_ - at);
    weights_.middleCols(at, width).noalias() -= given_.leftCols(pending_) * taken.middleRows(at, width).transpose();
  });
  pending_ = 0;
  statistics::parallel_for(static_cast<int64_t>(channels_.size()), threads_,
                           [&](int64_t c) { read_blocks(channels_[static_cast<size_t>(c)]); });
}

// Closes the gaps of removed channels; memory stays.
void Elimination::compact() {
  std::vector<bool> stays(static_cast<size_t>(left_), true);
  for (const Channel& channel : channels_) {
    if (!channel.gone) continue;
    for (Index i : channel.columns) stays[static_cast<size_t>(i)] = false;
  }
  for (Channel& channel : channels_) {
    if (channel.gone) channel.columns.clear();
  }
  std::vector<Index> from, to(static_cast<size_t>(left_), 0);
  for (Index i = 0; i < left_; ++i) {
    if (!stays[static_cast<size_t>(i)]) continue;
    to[static_cast<size_t>(i)] = static_cast<Index>(from.size());
    from.push_back(i);
  }
  const auto count = static_cast<Index>(from.size());
  for (Index j = 0; j < count; ++j) {
    const Index column = from[static_cast<size_t>(j)];
    for (Index i = j; i < count; ++i) inverse_(i, j) = inverse_(from[static_cast<size_t>(i)], column);
    if (column != j) weights_.col(j) = weights_.col(column);
  }
  for (Index k = 0; k < pending_; ++k) {
    for (Index i = 0; i < count; ++i) taken_(i, k) = taken_(from[static_cast<size_t>(i)], k);
  }
  for (Channel& channel : channels_) {
    for (Index& i : channel.columns) i = to[static_cast<size_t>(i)];
  }
  left_ = count;
}

}  // namespace nibble::prune

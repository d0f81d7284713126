// Blocked factorizations and eliminations against what they stand for, at sizes of several panels.
#include "converter/prune/elimination.h"

#include <gtest/gtest.h>

#include <random>

#include "converter/prune/cholesky.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::MatrixXd;
using Eigen::Index;

Matrix random_matrix(Index rows, Index columns, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Matrix out(rows, columns);
  for (Index j = 0; j < columns; ++j) {
    for (Index i = 0; i < rows; ++i) out(i, j) = normal(random);
  }
  return out;
}

Matrix positive_definite(Index n, uint32_t seed) {
  const Matrix half = random_matrix(n, n / 2, seed);
  return half * half.transpose() / static_cast<double>(n) + 0.05 * Matrix::Identity(n, n);
}

// What is above the diagonal counts for nothing.
Matrix lower(const Matrix& m) {
  Matrix out = m.triangularView<Eigen::Lower>();
  out.triangularView<Eigen::StrictlyUpper>().setConstant(1e9);
  return out;
}

TEST(Cholesky, inverts_and_solves_as_the_whole_matrix_does) {
  for (const Index n : {1, 7, 128, 300, 515}) {
    const Matrix a = positive_definite(n, 3), right = random_matrix(n, 70, 4);
    const Eigen::LLT<Matrix> llt(a);
    const Matrix inverse = llt.solve(Matrix::Identity(n, n)), solved = llt.solve(right);
    std::vector<Matrix> all;
    for (const int threads : {1, 2, 3}) {
      Matrix work = lower(a), now = right;
      ASSERT_TRUE(factor_in_place(work, threads)) << n;
      solve_factored(work, now, threads);
      EXPECT_LT((now - solved).cwiseAbs().maxCoeff(), 1e-9 * solved.cwiseAbs().maxCoeff()) << n;
      invert_factored(work, threads);
      const Matrix difference = (work - inverse).triangularView<Eigen::Lower>();
      EXPECT_LT(difference.cwiseAbs().maxCoeff(), 1e-9 * inverse.cwiseAbs().maxCoeff()) << n;
      all.emplace_back(work.triangularView<Eigen::Lower>());
      EXPECT_EQ(all.front(), all.back()) << n << ": threads must not matter";
    }
  }
}

TEST(Cholesky, says_what_is_not_positive_definite) {
  Matrix a = positive_definite(300, 5);
  a(290, 290) = -1.0;
  EXPECT_FALSE(factor_in_place(a, 2));
  a = positive_definite(300, 5);
  a(200, 100) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(factor_in_place(a, 2));
}

TEST(Elimination, is_one_inverse_after_the_other) {
  constexpr Index kChannels = 120, kTaps = 5, kOthers = 30, kRows = kChannels * kTaps + kOthers;
  const Matrix h = positive_definite(kRows, 6), weights = random_matrix(9, kRows, 7);
  std::vector<std::vector<Index>> columns(kChannels);
  for (Index c = 0; c < kChannels; ++c) {  // every twelfth takes no column; columns lie apart
    for (Index k = 0; k < kTaps && c % 12 != 11; ++k) columns[static_cast<size_t>(c)].push_back(c + k * kChannels);
  }
  Matrix inverse = h.inverse(), now = weights;
  Elimination elimination(lower(inverse), weights, columns, 2), again(lower(inverse), weights, columns, 1);
  std::vector<bool> gone(kChannels, false);
  const auto expected = [&](size_t c) {
    const auto& at = columns[c];
    if (at.empty()) return 0.0;
    const Matrix w = now(Eigen::all, at), block = inverse(at, at);
    return (w * block.inverse() * w.transpose()).trace();
  };
  for (size_t step = 0; step + 1 < kChannels; ++step) {
    const size_t removed = (step * 77 + 5) % kChannels;
    for (size_t c = 0; c < kChannels; ++c) {
      if (gone[c] || (step % 10 != 0 && c != removed)) continue;
      ASSERT_NEAR(elimination.loss(c), expected(c), 1e-7 * (1.0 + expected(c))) << step << " " << c;
      ASSERT_EQ(elimination.loss(c), again.loss(c)) << step << " " << c << ": threads must not matter";
    }
    const auto& at = columns[removed];
    if (!at.empty()) {
      const Matrix left = inverse(Eigen::all, at), factor = Matrix(inverse(at, at)).inverse() * left.transpose();
      now -= Matrix(now(Eigen::all, at)) * factor;
      inverse -= left * factor;
    }
    gone[removed] = true;
    elimination.remove(removed);
    again.remove(removed);
  }
}

}  // namespace
}  // namespace nibble::prune

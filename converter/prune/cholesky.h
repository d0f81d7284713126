// Symmetric positive definite matrices of thousands of rows, in place: a 4,608-wide row's takes 170 MB.
#pragma once

#include <Eigen/Dense>

namespace nibble::prune {

// A square of which only what lies on and below the diagonal counts; what is above it may be overwritten. Nothing here
// depends on `threads` but the time.
using Symmetric = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using ConstBlock = Eigen::Ref<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

// a -= f fT, f [n, k].
void subtract_outer(Symmetric a, const ConstBlock& f, int threads);
// a = L LT: L in its place. False, and `a` spoilt, where it is not positive definite.
bool factor_in_place(Symmetric a, int threads);
// L of factor_in_place(), replaced by the inverse of L LT.
void invert_factored(Symmetric factor, int threads);
// right [n, m], replaced by (L LT)^-1 right.
void solve_factored(const ConstBlock& factor, Symmetric right, int threads);

}  // namespace nibble::prune

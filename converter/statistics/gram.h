// Sums of outer products, added up in double.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace nibble::statistics {

// Calls f(0) to f(count - 1), each once, on up to `threads` threads. Which thread runs what must not matter.
void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& f);

// A symmetric matrix is kept as what lies on and below its diagonal, row behind row: row i has i + 1 values and begins
// at triangle_row(i).
constexpr int64_t triangle_row(int64_t i) { return i * (i + 1) / 2; }
constexpr int64_t triangle_size(int64_t k) { return triangle_row(k); }
// All k values of row i of the symmetric matrix.
void read_symmetric_row(const double* triangle, int64_t k, int64_t i, double* row);
std::vector<double> symmetric_matrix(const double* triangle, int64_t k);  // [k, k]

// gram += xT x for x [n, k]: a triangle, or in the second form [k, k], of which only what is on and below the diagonal
// is right afterwards. Products are formed in fp32 over at most kGramRows rows at once, their sums are kept in double.
// The result does not depend on `threads`.
inline constexpr int64_t kGramRows = 256;
void add_gram(const float* x, int64_t n, int64_t k, double* triangle, int threads);
void add_square_gram(const float* x, int64_t n, int64_t k, double* gram, int threads);
// cross [o, k] += yT x for y [n, o] and x [n, k].
void add_cross(const float* y, const float* x, int64_t n, int64_t o, int64_t k, double* cross, int threads);
void add_sum(const float* x, int64_t n, int64_t k, double* sum);

// y [n, o] = x [n, k] wT for w [o, k].
void multiply_rows(const float* x, const float* w, int64_t n, int64_t o, int64_t k, float* y, int threads);

}  // namespace nibble::statistics

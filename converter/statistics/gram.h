// Sums of outer products, added up in double.
#pragma once

#include <cstdint>
#include <functional>

namespace nibble::statistics {

// Calls f(0) to f(count - 1), each once, on up to `threads` threads. Which thread runs what must not matter.
void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& f);

// gram [k, k] += xT x for x [n, k]; only i >= j is written (see mirror). Products are formed in fp32 over at most
// kGramRows rows at once, their sums are kept in double. The result does not depend on `threads`.
inline constexpr int64_t kGramRows = 256;
void add_gram(const float* x, int64_t n, int64_t k, double* gram, int threads);
// cross [o, k] += yT x for y [n, o] and x [n, k].
void add_cross(const float* y, const float* x, int64_t n, int64_t o, int64_t k, double* cross, int threads);
void add_sum(const float* x, int64_t n, int64_t k, double* sum);
// Copies the part below the diagonal to the part above it.
void mirror(double* gram, int64_t k);

// y [n, o] = x [n, k] wT for w [o, k].
void multiply_rows(const float* x, const float* w, int64_t n, int64_t o, int64_t k, float* y, int threads);

}  // namespace nibble::statistics

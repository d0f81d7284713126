#include "reference/elementwise.h"

#include <algorithm>
#include <cmath>

namespace nibble::reference {

namespace {

// The names the formulas use, where they are not the standard library's.
template <class T>
T nbl_erf(T x) {
  return std::erf(x);
}
template <class T>
T nbl_tanh(T x) {
  return std::tanh(x);
}
template <class T>
T nbl_log1p(T x) {
  return std::log1p(x);
}
template <class T>
T nbl_round_even(T x) {
  return std::nearbyint(x);
}
template <class T>
T nbl_pow(T x, T y) {
  return std::pow(x, y);
}

template <class T, int kXStride, int kYStride, class F>
void fixed_strides(F f, const T* x, const T* y, T* z, size_t n) {
  for (size_t i = 0; i < n; ++i) z[i] = f(x[kXStride * i], y[kYStride * i]);
}

// Rows mostly step by one or stand still; constant steps let the compiler vectorize.
template <class T, class F>
void binary_row(F f, const T* x, int64_t x_stride, const T* y, int64_t y_stride, T* z, size_t n) {
  if (x_stride == 1 && y_stride == 1) return fixed_strides<T, 1, 1>(f, x, y, z, n);
  if (x_stride == 1 && y_stride == 0) return fixed_strides<T, 1, 0>(f, x, y, z, n);
  if (x_stride == 0 && y_stride == 1) return fixed_strides<T, 0, 1>(f, x, y, z, n);
  for (size_t i = 0; i < n; ++i) {
    z[i] = f(x[static_cast<int64_t>(i) * x_stride], y[static_cast<int64_t>(i) * y_stride]);
  }
}

}  // namespace

#define NBL_T T

template <class T>
void apply_unary(UnaryKind kind, T a, T b, const T* in, T* out, size_t n) {
  using std::abs, std::ceil, std::cos, std::exp, std::floor, std::log, std::max, std::min, std::sin, std::sqrt;
  switch (kind) {
#define NBL_UNARY(id, name, formula) \
  case UnaryKind::name:              \
    for (size_t i = 0; i < n; ++i) { \
      const T x = in[i];             \
      out[i] = (formula);            \
    }                                \
    break;
#include "../../shaders/unary.inc"
#undef NBL_UNARY
  }
}

template <class T>
void apply_binary(BinaryKind kind, const T* left, int64_t left_stride, const T* right, int64_t right_stride, T* out,
                  size_t n) {
  using std::max, std::min;
  switch (kind) {
#define NBL_BINARY(id, name, formula)                                                                                \
  case BinaryKind::name:                                                                                             \
    binary_row<T>([](T x, T y) { return static_cast<T>(formula); }, left, left_stride, right, right_stride, out, n); \
    break;
#include "../../shaders/binary.inc"
#undef NBL_BINARY
  }
}

#undef NBL_T

template void apply_unary(UnaryKind, double, double, const double*, double*, size_t);
template void apply_unary(UnaryKind, float, float, const float*, float*, size_t);
template void apply_binary(BinaryKind, const double*, int64_t, const double*, int64_t, double*, size_t);
template void apply_binary(BinaryKind, const float*, int64_t, const float*, int64_t, float*, size_t);

}  // namespace nibble::reference

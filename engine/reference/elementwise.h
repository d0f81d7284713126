// The formulas of shaders/unary.inc and binary.inc over arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/contract.h"

namespace nibble::reference {

// y[i] = f(x[i]); x and y may be the same array.
template <class T>
void apply_unary(UnaryKind kind, T a, T b, const T* x, T* y, size_t n);

// The fused activation of a float node, in place.
template <class T>
void apply_activation(const Activation& activation, T* y, size_t n) {
  if (activation.kind == UnaryKind::identity) return;
  apply_unary<T>(activation.kind, static_cast<T>(activation.a), static_cast<T>(activation.b), y, y, n);
}

// z[i] = f(x[i * x_stride], y[i * y_stride]).
template <class T>
void apply_binary(BinaryKind kind, const T* x, int64_t x_stride, const T* y, int64_t y_stride, T* z, size_t n);

}  // namespace nibble::reference

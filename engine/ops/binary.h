// Elementwise function of two tensors with NumPy broadcasting.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: x, y. Integer nodes (i8, i8 -> i8; add, sub, mul only), see ops/INTEGER.md:
//   add: z + round_shift((x - zx) * multiplier_x + (y - zy) * multiplier_y, shift);  sub: the second term negative
//   mul: z + requantize((x - zx) * (y - zy), multiplier_x, shift)
struct Binary {
  BinaryKind kind = BinaryKind::add;
  Activation activation;
  ClampRange clamp;
  int32_t multiplier_x = 0;
  int32_t multiplier_y = 0;
  int32_t shift = 0;
  template <class V>
  void visit(V& v) {
    v("kind", kind);
    activation.visit(v);
    clamp.visit(v);
    v("multiplier_x", multiplier_x);
    v("multiplier_y", multiplier_y);
    v("shift", shift);
  }
};
Result<Outputs> infer(const Binary& op, Inputs inputs);
AxisMap axes(const Binary& op, Inputs inputs);

// NumPy broadcasting of two shapes.
Result<Shape> broadcast(const Shape& a, const Shape& b);

}  // namespace nibble

// Change of element type or quantization; what to is said by the declared output.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// f32/f16 -> i8/u8: quantize, clamp(z + round_half_away(x / s)). i8/u8 -> float: dequantize, s * (q - z).
// i8/u8 -> i8/u8: integer, clamp(z_y + requantize((x - z_x), multiplier, shift)); equal scales: multiplier = 2^30,
// shift = 30. float <-> float and i32 -> float: the value; float -> i32: towards zero.
struct Convert {
  ClampRange clamp;
  int32_t multiplier = 0;
  int32_t shift = 0;
  template <class V>
  void visit(V& v) {
    clamp.visit(v);
    v("multiplier", multiplier);
    v("shift", shift);
  }
};
Result<Outputs> infer(const Convert& op, Inputs inputs);
AxisMap axes(const Convert& op, Inputs inputs);

}  // namespace nibble

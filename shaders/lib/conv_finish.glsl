// From the sums of 4 output channels to the unit that is stored: bias, scale or requantization, activation or clamp.
#ifndef NIBBLE_CONV_FINISH_GLSL
#define NIBBLE_CONV_FINISH_GLSL

#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#if !defined(A_i8)
#include "lib/activation.glsl"
#endif

#if defined(A_i8)
// Every shift of the layer is above 32: the rounding term and the result lie in the high word alone.
layout(constant_id = NBL_SPEC_CONV_HIGH_SHIFT) const bool HIGH_SHIFT = false;

int requantize_high(int value, int multiplier, int shift) {
  uint high;
  uint low;
  umulExtended(uint(abs(value)), uint(multiplier), high, low);
  const int result = int((high >> uint(shift - 33)) + 1u) >> 1;
  return value < 0 ? -result : result;
}

uint finish(ivec4 sum, uint block) {
  if (p.bias != CONV_NONE) sum += ivec4(words4[p.bias / 4u + block]);
  const ivec4 m = ivec4(words4[p.scale / 4u + block]);
  const ivec4 t = ivec4(words4[p.shift / 4u + block]);
  ivec4 y;
  if (HIGH_SHIFT) {
    y = ivec4(requantize_high(sum.x, m.x, t.x), requantize_high(sum.y, m.y, t.y), requantize_high(sum.z, m.z, t.z),
              requantize_high(sum.w, m.w, t.w));
  } else {
    y = requantize(sum, m, t);
  }
  // Requantized values may be as large as int32: limit them before the zero point is added.
  y = clamp(y, ivec4(-1024), ivec4(1024)) + y_zero_point();
  return encode_i8(clamp(y, ivec4(y_lowest()), ivec4(y_highest())));
}
#else
A_UNIT finish(vec4 sum, uint block) {
  if (p.scale != CONV_NONE) sum *= uintBitsToFloat(words4[p.scale / 4u + block]);
  if (p.bias != CONV_NONE) sum += uintBitsToFloat(words4[p.bias / 4u + block]);
  return a_encode(mask_lanes(apply_activation(sum, p.a, p.b), block, p.out_channels));
}
#endif

#endif

// From the sums of 4 output channels to the unit that is stored: bias, scale or requantization, activation or clamp; then
// what the plan has put behind the layer: a table of bytes, and the sum with another tensor of y's shape. Every stage
// rounds as the step it stands for would (engine/ops/INTEGER.md), so that a fused plan gives the bits of an unfused one.
#ifndef NIBBLE_CONV_FINISH_GLSL
#define NIBBLE_CONV_FINISH_GLSL

#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#if !defined(A_i8)
#include "lib/activation.glsl"
#endif

layout(constant_id = NBL_SPEC_CONV_RESIDUAL) const uint RESIDUAL = 0u;

#if defined(A_i8)
layout(constant_id = NBL_SPEC_CONV_HIGH_SHIFT) const bool HIGH_SHIFT = false;
layout(constant_id = NBL_SPEC_CONV_TABLE) const bool TABLE = false;

// What all outputs of a block of channels share, loaded once: drivers do not move loads out of loops.
struct OutputBlock {
  ivec4 bias, multiplier, shift;
  ivec4 lowest, highest;  // before the zero point is added
  int zero_point;
  // Of the sum: factors of the layer's result and of the other tensor, a constant, the shift.
  ivec4 factors;
  ivec4 bounds;  // lowest and highest before the zero point is added, the zero point
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? ivec4(words4[p.bias / 4u + block]) : ivec4(0);
  b.multiplier = ivec4(words4[p.scale / 4u + block]);
  b.shift = ivec4(words4[p.shift / 4u + block]);
  b.zero_point = y_zero_point();
  b.lowest = ivec4(y_lowest() - b.zero_point);
  b.highest = ivec4(y_highest() - b.zero_point);
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    b.factors = ivec4(words4[p.residual / 4u]);
    b.bounds = ivec4(words4[p.residual / 4u + 1u]);
  }
  return b;
}

void store(uint at, ivec4 sum, OutputBlock b) {
  sum += b.bias;
  ivec4 v;
  if (HIGH_SHIFT) {
    v = requantize_short(sum, b.multiplier, b.shift);
  } else {
    v = requantize(sum, b.multiplier, b.shift);
  }
  v = clamp(v, b.lowest, b.highest) + b.zero_point;
  if (TABLE) {
    const uvec4 entry = uvec4(v + int(p.table_or_b + 128u));
    v = ivec4(uvec4(words[entry.x], words[entry.y], words[entry.z], words[entry.w]));
  }
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    v = v * b.factors.x + decode_i8(residual[residual_skew() + at]) * b.factors.y + b.factors.z;
    v = ivec4(round_shift(v.x, b.factors.w), round_shift(v.y, b.factors.w), round_shift(v.z, b.factors.w),
              round_shift(v.w, b.factors.w));
    v = clamp(v, b.bounds.x, b.bounds.y) + b.bounds.z;
  }
  y[y_skew() + at] = encode_i8(v);
}
#else
struct OutputBlock {
  vec4 bias, scale;
  vec2 bounds;  // of the sum with the other tensor
  uint block;
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? uintBitsToFloat(words4[p.bias / 4u + block]) : vec4(0.0);
  b.scale = p.scale != CONV_NONE ? uintBitsToFloat(words4[p.scale / 4u + block]) : vec4(1.0);
  if (RESIDUAL == NBL_RESIDUAL_CLAMP) b.bounds = uintBitsToFloat(words4[p.residual / 4u].xy);
  b.block = block;
  return b;
}

void store(uint at, vec4 sum, OutputBlock b) {
  const float parameter_a = uintBitsToFloat(p.quant_or_a);
  const float parameter_b = uintBitsToFloat(p.table_or_b);
  vec4 v = apply_activation(sum * b.scale + b.bias, parameter_a, parameter_b);
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    v = a_decode(a_encode(v)) + a_decode(residual[residual_skew() + at]);
    if (RESIDUAL == NBL_RESIDUAL_CLAMP) v = min(max(v, b.bounds.x), b.bounds.y);
  }
  y[y_skew() + at] = a_encode(mask_lanes(v, b.block, p.out_channels));
}
#endif

#endif

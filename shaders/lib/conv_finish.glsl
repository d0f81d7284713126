// From the sums of 4 output channels to the unit that is stored: bias, scale or requantization, activation or clamp; then
// what the plan has put behind the layer: a table of bytes, and the sum with another tensor of y's shape. Every stage
// rounds as the step it stands for would (engine/ops/INTEGER.md), so that a fused plan gives the bits of an unfused one.
#ifndef NIBBLE_CONV_FINISH_GLSL
#define NIBBLE_CONV_FINISH_GLSL

#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#if !defined(KEEP_WHOLE)
#define KEEP_WHOLE(value) value
#endif
#if !defined(A_i8)
#include "lib/activation.glsl"
#endif

layout(constant_id = NBL_SPEC_CONV_RESIDUAL) const uint RESIDUAL = 0u;

#if defined(A_i8)
layout(constant_id = NBL_SPEC_CONV_HIGH_SHIFT) const bool HIGH_SHIFT = false;
layout(constant_id = NBL_SPEC_CONV_TABLE) const uint TABLE = NBL_TABLE_NONE;

// Where integers are summed in floats, vectors of them shift lane by lane as a rule.
#if defined(PATH_F32) && defined(CONV_LANES)
const bool SHIFT_IN_FLOATS = !SHUFFLE;
#elif defined(PATH_F32)
const bool SHIFT_IN_FLOATS = true;
#else
const bool SHIFT_IN_FLOATS = false;
#endif

// Of words of four entries those asked for, see NBL_TABLE_BYTES.
ivec4 byte_of(uvec4 found, uvec4 entry) { return ivec4(found << (24u - (entry >> 6) * 8u)) >> 24; }

// The table's entries for values from -128 on.
ivec4 looked_up(ivec4 v, uint table) {
  const uvec4 entry = uvec4(v + 128);
  if (TABLE == NBL_TABLE_WORDS) {
    const uvec4 at = entry + table;
    return ivec4(uvec4(words[at.x], words[at.y], words[at.z], words[at.w]));
  }
  const uvec4 at = (entry & 63u) + table;
  return byte_of(uvec4(words[at.x], words[at.y], words[at.z], words[at.w]), entry);
}

// What all outputs of a block of channels share, loaded once: drivers do not move loads out of loops.
struct OutputBlock {
  ivec4 bias, multiplier, shift;
  FloatShift float_shift;
  ivec4 lowest, highest;  // before the zero point is added
  int zero_point;
  // Of the sum: factors of the layer's result and of the other tensor, a constant, the shift.
  ivec4 factors;
  ivec4 bounds;  // lowest and highest before the zero point is added, the zero point
  uint table, residual_skew, y_skew;
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? ivec4(words4[p.bias / 4u + block]) : ivec4(0);
  b.multiplier = ivec4(words4[p.scale / 4u + block]);
  b.shift = ivec4(words4[p.shift / 4u + block]);
  if (SHIFT_IN_FLOATS) b.float_shift = float_shift(b.shift);
  b.zero_point = y_zero_point();
  b.lowest = ivec4(y_lowest() - b.zero_point);
  b.highest = ivec4(y_highest() - b.zero_point);
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    b.factors = ivec4(words4[p.residual / 4u]);
    b.bounds = ivec4(words4[p.residual / 4u + 1u]);
    b.residual_skew = residual_skew();
  }
  b.y_skew = y_skew();
  if (TABLE != NBL_TABLE_NONE) b.table = p.table_or_b;
  return b;
}

// Up to the clamp.
ivec4 finished(ivec4 sum, OutputBlock b) {
  sum += b.bias;
  ivec4 v;
  if (HIGH_SHIFT && SHIFT_IN_FLOATS) {
    v = requantize_short(sum, b.multiplier, b.float_shift);
  } else if (HIGH_SHIFT) {
    v = requantize_short(sum, b.multiplier, b.shift);
  } else {
    v = requantize(sum, b.multiplier, b.shift);
  }
  return clamp(v, b.lowest, b.highest) + b.zero_point;
}

// From the table on.
void store_added(uint at, ivec4 v, OutputBlock b) {
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    v = v * b.factors.x + decode_i8(residual[b.residual_skew + at]) * b.factors.y + b.factors.z;
    v = ivec4(round_shift(v.x, b.factors.w), round_shift(v.y, b.factors.w), round_shift(v.z, b.factors.w),
              round_shift(v.w, b.factors.w));
    v = clamp(v, b.bounds.x, b.bounds.y) + b.bounds.z;
  }
  y[b.y_skew + at] = KEEP_WHOLE(encode_i8(v));
}

void store(uint at, ivec4 sum, OutputBlock b) {
  ivec4 v = finished(sum, b);
  if (TABLE != NBL_TABLE_NONE) v = looked_up(v, b.table);
  store_added(at, v, b);
}
#else
struct OutputBlock {
  vec4 bias, scale;
  vec2 bounds;  // of the sum with the other tensor
  uint block, channels;
  uint residual_skew, y_skew;
  float parameter_a, parameter_b;  // of the activation
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? uintBitsToFloat(words4[p.bias / 4u + block]) : vec4(0.0);
  b.scale = p.scale != CONV_NONE ? uintBitsToFloat(words4[p.scale / 4u + block]) : vec4(1.0);
  if (RESIDUAL == NBL_RESIDUAL_CLAMP) b.bounds = uintBitsToFloat(words4[p.residual / 4u].xy);
  b.block = block;
  b.channels = p.out_channels;
  if (RESIDUAL != NBL_RESIDUAL_NONE) b.residual_skew = residual_skew();
  b.y_skew = y_skew();
  b.parameter_a = uintBitsToFloat(p.quant_or_a);
  b.parameter_b = uintBitsToFloat(p.table_or_b);
  return b;
}

void store(uint at, vec4 sum, OutputBlock b) {
  vec4 v = apply_activation(sum * b.scale + b.bias, b.parameter_a, b.parameter_b);
  if (RESIDUAL != NBL_RESIDUAL_NONE) {
    v = a_decode(a_encode(v)) + a_decode(residual[b.residual_skew + at]);
    if (RESIDUAL == NBL_RESIDUAL_CLAMP) v = min(max(v, b.bounds.x), b.bounds.y);
  }
  y[b.y_skew + at] = KEEP_WHOLE(a_encode(mask_lanes(v, b.block, b.channels)));
}
#endif

#endif

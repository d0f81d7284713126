// From the sums of 4 output channels to the unit that is stored: bias, scale or requantization, activation or clamp.
#ifndef NIBBLE_CONV_FINISH_GLSL
#define NIBBLE_CONV_FINISH_GLSL

#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#if !defined(A_i8)
#include "lib/activation.glsl"
#endif

#if defined(A_i8)
layout(constant_id = NBL_SPEC_CONV_HIGH_SHIFT) const bool HIGH_SHIFT = false;

// What all outputs of a block of channels share, loaded once: drivers do not move loads out of loops.
struct OutputBlock {
  ivec4 bias, multiplier, shift;
  ivec4 lowest, highest;  // before the zero point is added
  int zero_point;
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? ivec4(words4[p.bias / 4u + block]) : ivec4(0);
  b.multiplier = ivec4(words4[p.scale / 4u + block]);
  b.shift = ivec4(words4[p.shift / 4u + block]);
  b.zero_point = y_zero_point();
  b.lowest = ivec4(y_lowest() - b.zero_point);
  b.highest = ivec4(y_highest() - b.zero_point);
  return b;
}

uint finish(ivec4 sum, OutputBlock b) {
  sum += b.bias;
  ivec4 y;
  if (HIGH_SHIFT) {
    y = requantize_short(sum, b.multiplier, b.shift);
  } else {
    y = requantize(sum, b.multiplier, b.shift);
  }
  return encode_i8(clamp(y, b.lowest, b.highest) + b.zero_point);
}
#else
struct OutputBlock {
  vec4 bias, scale;
  uint block;
};

OutputBlock load_output_block(uint block) {
  OutputBlock b;
  b.bias = p.bias != CONV_NONE ? uintBitsToFloat(words4[p.bias / 4u + block]) : vec4(0.0);
  b.scale = p.scale != CONV_NONE ? uintBitsToFloat(words4[p.scale / 4u + block]) : vec4(1.0);
  b.block = block;
  return b;
}

A_UNIT finish(vec4 sum, OutputBlock b) {
  return a_encode(mask_lanes(apply_activation(sum * b.scale + b.bias, p.a, p.b), b.block, p.out_channels));
}
#endif

#endif

// Change of element type or quantization, one unit per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/types.glsl"
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/quant.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint MASK = 1;
layout(constant_id = NBL_SPEC_OWN + 1) const uint TO_BOOLEAN = 0;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { O_UNIT y[]; };
layout(push_constant) uniform Push { ConvertParams p; };

#if defined(A_f32) || defined(A_f16)
#define FROM_FLOAT 1
#endif
#if defined(O_f32) || defined(O_f16)
#define TO_FLOAT 1
#endif
#if defined(A_i8) || defined(A_u8)
#define FROM_BYTES 1
#endif
#if defined(O_i8) || defined(O_u8)
#define TO_BYTES 1
#endif

#if defined(FROM_FLOAT) && !defined(TO_FLOAT)
// round_half_away(v / scale) without a division: the nearest candidate, then corrected by the remainder. The scale is split
// in two so that its products with a candidate of at most 9 bits are exact, whatever the device's rounding.
int quantized(float v) {
  const float guess = clamp(roundEven(v * p.inverse_scale), -600.0, 600.0);
  precise float high = guess * p.scale_high;
  precise float low = guess * p.scale_low;
  precise float left = v - high;
  left = left - low;
  float q = guess;
  const float half_scale = 0.5 * p.scale;
  if (left > half_scale || (left == half_scale && v > 0.0)) q += 1.0;
  if (left < -half_scale || (left == -half_scale && v < 0.0)) q -= 1.0;
  return v != v ? 0 : int(q);
}

int truncated(float v) {
  if (v != v) return 0;
  if (v >= 2147483648.0) return 2147483647;
  if (v <= -2147483648.0) return int(0x80000000u);
  return int(v);
}
#endif

O_VALUE converted(A_VALUE v) {
#if defined(TO_FLOAT)
#if defined(FROM_BYTES)
  return p.scale * vec4(v - p.zero_in);
#else
  return vec4(v);
#endif
#elif defined(FROM_FLOAT)
  if (TO_BOOLEAN != 0) return ivec4(notEqual(v, vec4(0.0)));
#if defined(TO_BYTES)
  const ivec4 q = ivec4(quantized(v.x), quantized(v.y), quantized(v.z), quantized(v.w));
  return add_zero_point(q, p.zero_out, p.out_min, p.out_max);
#else
  return ivec4(truncated(v.x), truncated(v.y), truncated(v.z), truncated(v.w));
#endif
#elif defined(FROM_BYTES) && defined(TO_BYTES)
  if (TO_BOOLEAN != 0) return ivec4(notEqual(v, ivec4(0)));
  const ivec4 q = requantize(v - p.zero_in, ivec4(p.multiplier), ivec4(p.shift));
  return add_zero_point(q, p.zero_out, p.out_min, p.out_max);
#else
  if (TO_BOOLEAN != 0) return ivec4(notEqual(v, ivec4(0)));
  return v;
#endif
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  O_VALUE value = converted(a_decode(x[u]));
#if defined(TO_FLOAT)
  if (MASK != 0) value = mask_lanes(value, block_of(u, p.blocks, p.inner), p.channels);
#endif
  y[u] = o_encode(value);
}

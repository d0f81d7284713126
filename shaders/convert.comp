// Change of element type or quantization, one unit per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/types.glsl"
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/quant.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint MASK = 1;
layout(constant_id = NBL_SPEC_OWN + 1) const uint TO_BOOLEAN = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint FLAT = 0;  // x is flat: 1 unit an invocation, or 4 neighbouring ones

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { O_UNIT y[]; };
#if defined(A_f32) && (defined(O_i8) || defined(O_u8))
#define MAY_BE_FLAT 1
layout(set = 0, binding = 0) readonly buffer XFlat { float x_flat[]; };
layout(set = 0, binding = 1) writeonly buffer YQuads { uvec4 y_quads[]; };
#endif
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
// round_half_away(v / scale) without a division: the nearest candidate for |v|, then corrected by the remainder. The scale is
// split in two so that its products with a candidate of at most 10 bits are exact, whatever the device's rounding.
ivec4 quantized(vec4 v) {
  const vec4 magnitude = abs(v);
  const vec4 guess = min(roundEven(magnitude * p.inverse_scale), 600.0);
  precise vec4 high = guess * p.scale_high;
  precise vec4 low = guess * p.scale_low;
  precise vec4 left = magnitude - high;
  left = left - low;
  const float half_scale = 0.5 * p.scale;
  const vec4 q =
      guess + vec4(greaterThanEqual(left, vec4(half_scale))) - vec4(lessThan(left, vec4(-half_scale)));
  // NaN becomes zero.
  return ivec4(mix(vec4(0.0), mix(q, -q, lessThan(v, vec4(0.0))), equal(v, v)));
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
  return add_zero_point(quantized(v), p.zero_out, p.out_min, p.out_max);
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

#if defined(MAY_BE_FLAT)
// Host order straight to blocks. Lanes past the last channel repeat it: lanes of integers there may hold anything.
void convert_flat(uint invocation) {
  const uint u = FLAT * invocation;
  const uint plane = divide(u, p.inner);
  const uint outer = divide(plane, p.blocks);
  const uint channel = 4 * (plane - outer * p.blocks);
  const uint first = (outer * p.channels + channel) * p.inner + (u - plane * p.inner);
  const uint last = min(p.channels - 1 - channel, 3u);
  const uvec4 at = first + min(uvec4(0, 1, 2, 3), uvec4(last)) * p.inner;
  if (FLAT == 4) {
    const vec4 c0 = x[at.x >> 2];
    const vec4 c1 = x[at.y >> 2];
    const vec4 c2 = x[at.z >> 2];
    const vec4 c3 = x[at.w >> 2];
    y_quads[invocation] = uvec4(o_encode(converted(vec4(c0.x, c1.x, c2.x, c3.x))),
                                o_encode(converted(vec4(c0.y, c1.y, c2.y, c3.y))),
                                o_encode(converted(vec4(c0.z, c1.z, c2.z, c3.z))),
                                o_encode(converted(vec4(c0.w, c1.w, c2.w, c3.w))));
  } else {
    y[u] = o_encode(converted(vec4(x_flat[at.x], x_flat[at.y], x_flat[at.z], x_flat[at.w])));
  }
}
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
#if defined(MAY_BE_FLAT)
  if (FLAT != 0) {
    convert_flat(u);
    return;
  }
#endif
  O_VALUE value = converted(a_decode(x[u]));
#if defined(TO_FLOAT)
  if (MASK != 0) value = mask_lanes(value, block_of(u, p.blocks, p.inner), p.channels);
#endif
  y[u] = o_encode(value);
}

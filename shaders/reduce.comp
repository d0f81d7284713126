// One pass of a reduction: over an axis of whole units, [before][count][after] to [before][slices][after], each
// invocation taking every slices-th unit; or (LANES) over the blocked axis itself, [outer][blocks][inner] to one
// channel in lane 0.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint COMBINE = 0;  // 0 sum, 1 max, 2 min, 3 product, 4 log of the sum of exp
layout(constant_id = NBL_SPEC_OWN + 1) const uint BEFORE = 0;  // on each element: 1 absolute value, 2 square
layout(constant_id = NBL_SPEC_OWN +
                     2) const uint AFTER = 0;  // on the result: 1 times factor, 2 square root, 3 requantize
layout(constant_id = NBL_SPEC_OWN + 3) const uint LANES = 0;
layout(constant_id = NBL_SPEC_OWN + 4) const uint MASK = 0;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { O_UNIT y[]; };
layout(push_constant) uniform Push { ReduceParams p; };

#if defined(A_f32) || defined(A_f16)
#define SCALAR float
const float LOWEST = -1.0 / 0.0;
const float HIGHEST = 1.0 / 0.0;
#else
#define SCALAR int
const int LOWEST = int(0x80000000u);
const int HIGHEST = 0x7FFFFFFF;
#endif

SCALAR neutral() {
  if (COMBINE == 1 || COMBINE == 4) return LOWEST;
  if (COMBINE == 2) return HIGHEST;
  return COMBINE == 3 ? SCALAR(1) : SCALAR(0);
}

// Of two units, or (for A_VALUE) lane by lane.
A_VALUE combine(A_VALUE a, A_VALUE b) {
  if (COMBINE == 1 || COMBINE == 4) return max(a, b);
  if (COMBINE == 2) return min(a, b);
  return COMBINE == 3 ? a * b : a + b;
}

A_VALUE element(uint at, uint channel) {
  A_VALUE v = a_decode(x[at]);
#if !defined(A_f32) && !defined(A_f16)
  v -= p.zero_in;
#endif
  if (BEFORE == 1) v = abs(v);
  if (BEFORE == 2) v = v * v;
  if (LANES != 0) {
    const SCALAR none = neutral();
    const uint left = p.channels - channel;
    if (left < 4) v = A_VALUE(v.x, left > 1 ? v.y : none, left > 2 ? v.z : none, none);
  }
  return v;
}

A_VALUE across_lanes(A_VALUE v) {
  if (LANES == 0) return v;
  return A_VALUE(combine(combine(v, v.yyyy), combine(v.zzzz, v.wwww)).x, SCALAR(0), SCALAR(0), SCALAR(0));
}

O_VALUE finished(A_VALUE v) {
#if defined(A_f32) || defined(A_f16)
  if (AFTER == 1) v *= p.factor;
  if (AFTER == 2) v = sqrt(v);
  return v;
#else
  if (AFTER == 3) {
    v = requantize(v, ivec4(p.multiplier), ivec4(p.shift));
    v = add_zero_point(v, p.zero_out, p.out_min, p.out_max);
  }
  return v;
#endif
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint row = divide(u, p.after);
  const uint before = divide(row, p.slices);
  const uint slice = row - before * p.slices;
  const uint base = before * p.count * p.after + (u - row * p.after);
  A_VALUE result = A_VALUE(neutral());
  for (uint i = slice; i < p.count; i += p.slices) result = combine(result, element(base + i * p.after, 4 * i));
  result = across_lanes(result);
#if defined(A_f32) || defined(A_f16)
  if (COMBINE == 4) {
    vec4 most = LANES != 0 ? vec4(result.x) : result;
    most = mix(most, vec4(0.0), equal(abs(most), vec4(HIGHEST)));  // infinities must not be subtracted from themselves
    vec4 sum = vec4(0.0);
    for (uint i = slice; i < p.count; i += p.slices) sum += exp(element(base + i * p.after, 4 * i) - most);
    if (LANES != 0) sum = vec4(sum.x + sum.y + sum.z + sum.w);
    result = log(sum) + most;
    if (LANES != 0) result = vec4(result.x, 0.0, 0.0, 0.0);
  }
#endif
  O_VALUE value = finished(result);
#if defined(O_f32) || defined(O_f16)
  if (MASK != 0) value = mask_lanes(value, block_of(u, p.blocks, p.inner), p.channels);
#endif
  y[u] = o_encode(value);
}

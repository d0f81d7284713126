// y = f(x), one unit per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/activation.glsl"
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint MASK = 1;  // the last block has lanes past the last channel

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { O_UNIT y[]; };
layout(push_constant) uniform Push { UnaryParams p; };

#if defined(A_i32)
// The functions of unary.inc that stay within the integers; a and b are the bits of integers here.
ivec4 apply_function(ivec4 v) {
  const int a = floatBitsToInt(p.a);
  const int b = floatBitsToInt(p.b);
  if (ACT == 1) return max(v, 0);
  if (ACT == 2) return min(max(v, a), b);
  if (ACT == 13) return -v;
  if (ACT == 14) return abs(v);
  if (ACT == 26) return sign(v);
  return v;
}
#else
vec4 apply_function(vec4 v) { return apply_activation(v, p.a, p.b); }
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  A_VALUE value = apply_function(a_decode(x[u]));
  if (MASK != 0) value = mask_lanes(value, block_of(u, p.blocks, p.inner), p.channels);
  y[u] = o_encode(value);
}

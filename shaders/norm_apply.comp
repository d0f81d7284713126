// y = f((x - mean) * factor + bias), one unit per invocation: the third step of InstanceNorm.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/activation.glsl"
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint MASK = 1;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) readonly buffer Moments { vec4 moments[]; };  // [N][block]{mean, factor, bias}
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
layout(push_constant) uniform Push { UnaryParams p; };

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint plane = divide(u, p.inner);
  const vec4 v = (a_decode(x[u]) - moments[3 * plane]) * moments[3 * plane + 1] + moments[3 * plane + 2];
  vec4 value = apply_activation(v, p.a, p.b);
  if (MASK != 0) value = mask_lanes(value, plane % p.blocks, p.channels);
  y[u] = a_encode(value);
}

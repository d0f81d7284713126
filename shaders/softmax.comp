// Softmax and log-softmax along one axis, [before][count][after] units: each invocation takes one unit of
// [before][after]. LANES: the axis is the blocked one, so that count counts blocks and the four lanes belong together.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint LANES = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint LOG = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint MASK = 0;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { A_UNIT y[]; };
layout(push_constant) uniform Push { SoftmaxParams p; };

const float LOWEST = -1.0 / 0.0;

// Unit i of the row; lanes that are no channels count as minus infinity.
vec4 element(uint base, uint i) {
  vec4 v = a_decode(x[base + i * p.after]);
  if (LANES != 0 && MASK != 0) {
    const uint left = p.channels - 4 * i;
    if (left < 4) v = vec4(v.x, left > 1 ? v.y : LOWEST, left > 2 ? v.z : LOWEST, LOWEST);
  }
  return v;
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint before = divide(u, p.after);
  const uint base = before * p.count * p.after + (u - before * p.after);
  vec4 most = vec4(LOWEST);
  for (uint i = 0; i < p.count; ++i) most = max(most, element(base, i));
  if (LANES != 0) most = vec4(max(max(most.x, most.y), max(most.z, most.w)));
  vec4 sum = vec4(0.0);
  for (uint i = 0; i < p.count; ++i) sum += exp(element(base, i) - most);
  if (LANES != 0) sum = vec4(sum.x + sum.y + sum.z + sum.w);
  const vec4 scale = 1.0 / sum;
  const vec4 log_sum = log(sum) + most;
  for (uint i = 0; i < p.count; ++i) {
    const vec4 v = element(base, i);
    vec4 value = LOG != 0 ? v - log_sum : exp(v - most) * scale;
    if (MASK != 0) value = mask_lanes(value, LANES != 0 ? i : (base + i * p.after) / p.inner % p.blocks, p.channels);
    y[base + i * p.after] = a_encode(value);
  }
}

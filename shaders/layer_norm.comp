// Rows of `blocks` units to zero mean and unit variance, then scale and bias; one row per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint HAS_SCALE = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint HAS_BIAS = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint RMS = 0;  // no mean is subtracted

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) readonly buffer Blob { vec4 blob[]; };
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
layout(push_constant) uniform Push { LayerNormParams p; };

void main() {
  const uint row = linear_invocation();
  if (row >= p.rows) return;
  const uint base = row * p.blocks;
  float mean = 0.0;
  if (RMS == 0) {
    vec4 sum = vec4(0.0);  // lanes past the end hold zero
    for (uint i = 0; i < p.blocks; ++i) sum += a_decode(x[base + i]);
    mean = (sum.x + sum.y + sum.z + sum.w) / float(p.channels);
  }
  vec4 squares = vec4(0.0);
  for (uint i = 0; i < p.blocks; ++i) {
    const vec4 d = mask_lanes(a_decode(x[base + i]) - mean, i, p.channels);
    squares += d * d;
  }
  const float variance = (squares.x + squares.y + squares.z + squares.w) / float(p.channels);
  const float factor = 1.0 / sqrt(variance + p.epsilon);
  for (uint i = 0; i < p.blocks; ++i) {
    vec4 v = (a_decode(x[base + i]) - mean) * factor;
    if (HAS_SCALE != 0) v *= blob[p.scale_unit + i];
    if (HAS_BIAS != 0) v += blob[p.bias_unit + i];
    y[base + i] = a_encode(mask_lanes(v, i, p.channels));
  }
}

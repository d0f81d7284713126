// Mean and sum of squared deviations of every chunks-th unit of each plane, [N][blocks] planes of `plane` units: the
// first of the three steps of InstanceNorm. Two sweeps, because the sum of squares alone cancels.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/types.glsl"

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Partial { vec4 partial[]; };  // [plane][chunk]{mean, deviation}
layout(push_constant) uniform Push { NormPartialParams p; };

void main() {
  const uint u = linear_invocation();
  if (u >= p.planes * p.chunks) return;
  const uint row = divide(u, p.chunks);
  const uint chunk = u - row * p.chunks;
  const uint base = row * p.plane;
  const float count = float((p.plane - chunk + p.chunks - 1) / p.chunks);
  vec4 mean = vec4(0.0);
  for (uint i = chunk; i < p.plane; i += p.chunks) mean += a_decode(x[base + i]);
  mean /= count;
  vec4 deviation = vec4(0.0);
  for (uint i = chunk; i < p.plane; i += p.chunks) {
    const vec4 d = a_decode(x[base + i]) - mean;
    deviation += d * d;
  }
  partial[2 * u] = mean;
  partial[2 * u + 1] = deviation;
}

// Copies a buffer once per round, or several times where there are more workgroups than cover it. Every workgroup copies
// another place in each round.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "probes/probe_params.h"

layout(set = 0, binding = 0) readonly buffer From { uvec4 from[]; };
layout(set = 0, binding = 1) writeonly buffer To { uvec4 to[]; };
layout(push_constant) uniform Push { ProbeParams p; };

void main() {
  const uint width = gl_WorkGroupSize.x;
  for (uint round = 0u; round < p.rounds; ++round) {
    const uint group = linear_group() + round * (p.groups / 2u + 1u) & p.groups - 1u;
    const uint at = group * width * NBL_PROBE_COPY_VECTORS + gl_LocalInvocationID.x;
    const uvec4 a = from[at], b = from[at + width], c = from[at + 2u * width], d = from[at + 3u * width];
    to[at] = a;
    to[at + width] = b;
    to[at + 2u * width] = c;
    to[at + 3u * width] = d;
  }
}

// Reads a buffer once per round, or several times where there are more workgroups than cover it, and adds up its words.
// Every workgroup reads another place in each round.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "probes/probe_params.h"

layout(set = 0, binding = 0) readonly buffer Data { uvec4 data[]; };
layout(set = 0, binding = 1) writeonly buffer Sums { uint sums[]; };
layout(push_constant) uniform Push { ProbeParams p; };

void main() {
  const uint width = gl_WorkGroupSize.x;
  uvec4 sum = uvec4(0);
  for (uint round = 0u; round < p.rounds; ++round) {
    const uint group = linear_group() + round * (p.groups / 2u + 1u) & p.groups - 1u;
    const uint at = group * width * NBL_PROBE_READ_VECTORS + gl_LocalInvocationID.x;
    const uvec4 a = data[at] + data[at + width] + data[at + 2u * width] + data[at + 3u * width];
    const uvec4 b = data[at + 4u * width] + data[at + 5u * width] + data[at + 6u * width] + data[at + 7u * width];
    const uvec4 c = data[at + 8u * width] + data[at + 9u * width] + data[at + 10u * width] + data[at + 11u * width];
    const uvec4 d = data[at + 12u * width] + data[at + 13u * width] + data[at + 14u * width] + data[at + 15u * width];
    sum += a + b + c + d;
  }
  sums[linear_invocation()] = sum.x + sum.y + sum.z + sum.w;
}

// A dispatch that does next to nothing, and can be told to have run.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "probes/probe_params.h"

layout(set = 0, binding = 0) buffer Count { uint count; };
layout(push_constant) uniform Push { ProbeParams p; };

void main() {
  if (linear_invocation() == 0u) atomicAdd(count, p.rounds);
}

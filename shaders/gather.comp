// y[b, m, a] = x[b, index[m], a] in whole units.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/raw.glsl"

layout(set = 0, binding = 0) readonly buffer X { RAW_UNIT x[]; };
layout(set = 0, binding = 1) readonly buffer Indices { int indices[]; };
layout(set = 0, binding = 2) writeonly buffer Y { RAW_UNIT y[]; };
layout(push_constant) uniform Push { GatherParams p; };

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint row = divide(u, p.after);
  const uint before = divide(row, p.count);
  int index = indices[row - before * p.count];
  if (index < 0) index += int(p.size);
  index = clamp(index, 0, int(p.size) - 1);
  y[u] = x[(before * p.size + uint(index)) * p.after + (u - row * p.after)];
}

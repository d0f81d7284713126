// Index of the largest or smallest element along an axis, [before][count][after] units; LANES: along the blocked axis.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint LANES = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint MINIMUM = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint LAST = 0;  // of equal ones take the last

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { ivec4 y[]; };
layout(push_constant) uniform Push { ArgReduceParams p; };

#if defined(A_f32) || defined(A_f16)
#define SCALAR float
#else
#define SCALAR int
#endif

bool better(SCALAR candidate, SCALAR best) {
  if (candidate == best) return LAST != 0;
  return MINIMUM != 0 ? candidate < best : candidate > best;
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint before = divide(u, p.after);
  const uint base = before * p.count * p.after + (u - before * p.after);
  A_VALUE best = a_decode(x[base]);
  ivec4 index = ivec4(0);
  if (LANES != 0) {
    for (uint c = 1; c < p.channels; ++c) {
      const SCALAR v = a_decode(x[base + (c >> 2) * p.after])[c & 3u];
      if (better(v, best.x)) {
        best.x = v;
        index.x = int(c);
      }
    }
    index.yzw = ivec3(0);
  } else {
    for (uint i = 1; i < p.count; ++i) {
      const A_VALUE v = a_decode(x[base + i * p.after]);
      for (int lane = 0; lane < 4; ++lane) {
        if (better(v[lane], best[lane])) {
          best[lane] = v[lane];
          index[lane] = int(i);
        }
      }
    }
  }
  y[u] = index;
}

// Multiply-adds from registers: up to four vectors, each multiplied by about -1 and shifted in every step, so that they
// stay bounded, do not settle at once and cannot be told in advance. More vectors hide more latency and need more registers.
#version 450
#extension GL_GOOGLE_include_directive : require
#if defined(A_f16)
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define SCALAR float16_t
#define VECTOR f16vec4
#else
#define SCALAR float
#define VECTOR vec4
#endif
#include "lib/group.glsl"
#include "probes/probe_params.h"

layout(constant_id = NBL_SPEC_OWN) const uint VECTORS = NBL_PROBE_MOST_VECTORS;

layout(set = 0, binding = 0) readonly buffer Table { vec4 table[]; };  // rows: factor and term; starts of the vectors
layout(set = 0, binding = 1) writeonly buffer Sums { float sums[]; };
layout(push_constant) uniform Push { ProbeParams p; };

#define STEP                             \
  x0 = fma(x0, m, c);                    \
  x1 = fma(x1, m, c);                    \
  if (VECTORS > 2u) x2 = fma(x2, m, c);  \
  if (VECTORS > 3u) x3 = fma(x3, m, c);
#define STEPS_4 STEP STEP STEP STEP
#define STEPS_16 STEPS_4 STEPS_4 STEPS_4 STEPS_4

void main() {
  const uint row = linear_invocation() % NBL_PROBE_ROWS * NBL_PROBE_ROW_VECTORS;
  const VECTOR m = VECTOR(SCALAR(table[row].x));
  const VECTOR c = VECTOR(SCALAR(table[row].y));
  VECTOR x0 = VECTOR(table[row + 1u]);
  VECTOR x1 = VECTOR(table[row + 2u]);
  VECTOR x2 = VECTOR(table[row + 3u]);
  VECTOR x3 = VECTOR(table[row + 4u]);
  for (uint i = 0u; i < p.rounds * (NBL_PROBE_STEPS / 16u); ++i) {
    STEPS_16
  }
  const vec4 all = vec4(x0) + 2.0 * vec4(x1) + 3.0 * vec4(x2) + 4.0 * vec4(x3);
  sums[linear_invocation()] = all.x + 2.0 * all.y + 3.0 * all.z + 4.0 * all.w;
}

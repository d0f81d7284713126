// Integer weights for float activations: words unpacked to floats and multiplied once, four words in a step.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/unpack.glsl"
#include "probes/probe_params.h"

layout(set = 0, binding = 0) readonly buffer Table { uvec4 table[]; };  // rows: words; 4 vectors of small whole floats
layout(set = 0, binding = 1) writeonly buffer Sums { int sums[]; };
layout(push_constant) uniform Push { ProbeParams p; };

vec4 multiply_add(vec4 acc, uint word, vec4 x) {
#if defined(W_i4)
  return fma(float_high_nibbles(word), x.wzyx, fma(float_low_nibbles(word), x, acc));
#else
  return fma(float_bytes(word), x, acc);
#endif
}

void main() {
  const uint row = linear_invocation() % NBL_PROBE_ROWS * NBL_PROBE_ROW_VECTORS;
  uvec4 words = table[row];
  const vec4 x0 = uintBitsToFloat(table[row + 1u]);
  const vec4 x1 = uintBitsToFloat(table[row + 2u]);
  const vec4 x2 = uintBitsToFloat(table[row + 3u]);
  const vec4 x3 = uintBitsToFloat(table[row + 4u]);
  ivec4 sum0 = ivec4(0), sum1 = ivec4(0), sum2 = ivec4(0), sum3 = ivec4(0);
  for (uint round = 0u; round < p.rounds; ++round) {
    // Sums of 64 steps stay below 2^24: exact.
    vec4 acc0 = vec4(0), acc1 = vec4(0), acc2 = vec4(0), acc3 = vec4(0);
    for (uint i = 0u; i < NBL_PROBE_STEPS; ++i) {
      acc0 = multiply_add(acc0, words.x, x0);
      acc1 = multiply_add(acc1, words.y, x1);
      acc2 = multiply_add(acc2, words.z, x2);
      acc3 = multiply_add(acc3, words.w, x3);
      words += NBL_PROBE_UNPACK_TURN;
    }
    sum0 += ivec4(acc0);
    sum1 += ivec4(acc1);
    sum2 += ivec4(acc2);
    sum3 += ivec4(acc3);
  }
  const ivec4 all = sum0 + 3 * sum1 + 5 * sum2 + 7 * sum3;
  sums[linear_invocation()] = all.x + 3 * all.y + 5 * all.z + 7 * all.w;
}

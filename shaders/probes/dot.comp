// Dot products of packed bytes from registers: one word that changes in every step with eight to sixteen that stay, as in a
// row of a tile; it is unpacked once for all of them. Each way to sum is a row of the table.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/dot.glsl"
#include "lib/unpack.glsl"
#include "probes/probe_params.h"

layout(constant_id = NBL_SPEC_OWN) const uint VECTORS = NBL_PROBE_MOST_VECTORS;

layout(set = 0, binding = 0) readonly buffer Table { uvec4 table[]; };  // rows: a and what is added in a step; 16 of b
layout(set = 0, binding = 1) writeonly buffer Sums { int sums[]; };
layout(push_constant) uniform Push { ProbeParams p; };

#if defined(PATH_DOT)
#define ACC ivec4
ACC multiply_add(ACC acc, uint a, uvec4 b) {
  return ACC(dot_i8(a, b.x, acc.x), dot_i8(a, b.y, acc.y), dot_i8(a, b.z, acc.z), dot_i8(a, b.w, acc.w));
}
#define OPERAND_A(word) (word)
#define OPERAND_B(name, words) const uvec4 name = words
#else
#if defined(PATH_F32)
#define ACC vec4
#define LANES vec4
#define OPERAND_A float_bytes
#define MULTIPLY_ADD(x, y, acc) fma(x, y, acc)
#else
#define ACC ivec4
#define LANES ivec4
#define OPERAND_A int_bytes
#define MULTIPLY_ADD(x, y, acc) ((x) * (y) + (acc))
#endif
struct Columns {
  LANES v0, v1, v2, v3;  // byte k of four words
};
Columns columns(uvec4 words) {
  const LANES x = OPERAND_A(words.x), y = OPERAND_A(words.y), z = OPERAND_A(words.z), w = OPERAND_A(words.w);
  return Columns(LANES(x.x, y.x, z.x, w.x), LANES(x.y, y.y, z.y, w.y), LANES(x.z, y.z, z.z, w.z),
                 LANES(x.w, y.w, z.w, w.w));
}
ACC multiply_add(ACC acc, LANES a, Columns b) {
  acc = MULTIPLY_ADD(a.xxxx, b.v0, acc);
  acc = MULTIPLY_ADD(a.yyyy, b.v1, acc);
  acc = MULTIPLY_ADD(a.zzzz, b.v2, acc);
  return MULTIPLY_ADD(a.wwww, b.v3, acc);
}
#define OPERAND_B(name, words) const Columns name = columns(words)
#endif

void main() {
  const uint row = linear_invocation() % NBL_PROBE_ROWS * NBL_PROBE_ROW_VECTORS;
  uint a = table[row].x;
  const uint turn = table[row].y;
  OPERAND_B(b0, table[row + 1u]);
  OPERAND_B(b1, table[row + 2u]);
  OPERAND_B(b2, table[row + 3u]);
  OPERAND_B(b3, table[row + 4u]);
  ivec4 sum0 = ivec4(0), sum1 = ivec4(0), sum2 = ivec4(0), sum3 = ivec4(0);
  for (uint round = 0u; round < p.rounds; ++round) {
    // Sums of 64 steps stay below 2^24: exact in fp32.
    ACC acc0 = ACC(0), acc1 = ACC(0), acc2 = ACC(0), acc3 = ACC(0);
    for (uint i = 0u; i < NBL_PROBE_STEPS; ++i) {
      acc0 = multiply_add(acc0, OPERAND_A(a), b0);
      acc1 = multiply_add(acc1, OPERAND_A(a), b1);
      if (VECTORS > 2u) acc2 = multiply_add(acc2, OPERAND_A(a), b2);
      if (VECTORS > 3u) acc3 = multiply_add(acc3, OPERAND_A(a), b3);
      a += turn;
    }
    sum0 += ivec4(acc0);
    sum1 += ivec4(acc1);
    sum2 += ivec4(acc2);
    sum3 += ivec4(acc3);
  }
  const ivec4 all = sum0 + 3 * sum1 + 5 * sum2 + 7 * sum3;
  sums[linear_invocation()] = all.x + 3 * all.y + 5 * all.z + 7 * all.w;
}

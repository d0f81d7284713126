// One row times a matrix: the invocations along x of a workgroup take the steps of a block of 4 outputs in turn, so that
// they read neighbouring weights, and add up what they have.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/conv_bindings.glsl"
#include "lib/conv_mac.glsl"
#include "lib/conv_finish.glsl"

#define MOST_INVOCATIONS 128u
shared CONV_SUM parts[MOST_INVOCATIONS];

// Several loads under way at once hide how long memory takes. Steps past the end read the last one, times zero.
#define UNROLL 4u
#define EACH_STEP(F) F(0) F(1) F(2) F(3)
#define LOAD(u)                                                              \
  const uint at##u = min(i + uint(u) * gl_WorkGroupSize.x, p.in_blocks - 1u);      \
  const WeightBlock w##u = load_weights(w_first + at##u * CONV_BLOCK);       \
  const CONV_X x##u =                                                        \
      decode_x(x[x_first + at##u * p.x_block], i + uint(u) * gl_WorkGroupSize.x < p.in_blocks ? 0xFFFFFFFFu : 0u, 0u);
#if defined(W_i4)
#define ADD(u) \
  sum = close_chunk(sum, multiply_add(CONV_ACC(0), w##u, x##u), \
                    group_factors(words[factors + divide(at##u, p.group_steps)]));
#elif defined(CONV_CHUNKED)
#define ADD(u) sum = close_chunk(sum, multiply_add(CONV_ACC(0), w##u, x##u));
#else
#define ADD(u) sum = multiply_add(sum, w##u, x##u);
#endif

void main() {
  LOAD_CODEBOOK
  const uint block = min(gl_GlobalInvocationID.y, p.out_blocks - 1u);
  const uint x_first = x_skew() + gl_GlobalInvocationID.z * p.x_batch;
  const uint w_first = block * p.steps * CONV_BLOCK;
#if defined(W_i4)
  const uint factors = p.group_multiplier + block * ((p.steps + p.group_steps - 1u) / p.group_steps);
#endif
  CONV_SUM sum = CONV_SUM(0);
  for (uint i = gl_LocalInvocationID.x; i < p.in_blocks; i += UNROLL * gl_WorkGroupSize.x) {
    EACH_STEP(LOAD)
    EACH_STEP(ADD)
  }
  const uint own = gl_LocalInvocationID.y * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  parts[own] = sum;
  for (uint half_of = gl_WorkGroupSize.x / 2u; half_of > 0u; half_of /= 2u) {
    barrier();
    if (gl_LocalInvocationID.x < half_of) parts[own] += parts[own + half_of];
  }
  if (gl_LocalInvocationID.x > 0u || gl_GlobalInvocationID.y >= p.out_blocks) return;
  store(gl_GlobalInvocationID.z * p.y_batch + block * p.y_block, parts[own], load_output_block(block));
}

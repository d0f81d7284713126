// Convolution of int8 as a product of matrices, for GPUs: a workgroup stages a tile of x and a tile of weights, STEPS
// blocks of 4 input channels deep, in shared memory, where every word is read by many invocations. What comes next is
// on its way from memory while the tile is multiplied. Invocations along z are slices of the reduction, which share out
// its tiles and add up what they have: layers of few pixels then fill a GPU too. (Tiles in shared memory: V. Volkov and
// J. Demmel, "Benchmarking GPUs to tune dense linear algebra", 2008; slices: NVIDIA's CUTLASS, "split-K".)
//
// p.tiles counts pixels, p.o_tiles the tiles of blocks of a group.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/conv_bindings.glsl"
#include "lib/conv_mac.glsl"
#include "lib/conv_finish.glsl"

layout(constant_id = NBL_SPEC_CONV_TILE_X) const uint TILE_X = 1u;  // pixels of an invocation, LOCAL_X apart: 1, 2, 4, 8
layout(constant_id = NBL_SPEC_CONV_TILE_O) const uint TILE_O = 1u;  // blocks, LOCAL_Y apart: 1, 2, 4
// The workgroup again, since array sizes cannot be made of its built-in.
layout(constant_id = NBL_SPEC_CONV_SHARED_X) const uint LOCAL_X = 8u;
layout(constant_id = NBL_SPEC_CONV_SHARED_Y) const uint LOCAL_Y = 8u;
layout(constant_id = NBL_SPEC_CONV_SHARED_SLICES) const uint SLICES = 1u;
layout(constant_id = NBL_SPEC_CONV_SHARED_STEPS) const uint STEPS = 8u;
layout(constant_id = NBL_SPEC_CONV_SHARED_ROWS) const bool ROWS = false;  // 1x1, blocks of a pixel lie side by side

const uint THREADS = LOCAL_X * LOCAL_Y;  // of a slice
const uint PIXELS = LOCAL_X * TILE_X;
const uint BLOCKS = LOCAL_Y * TILE_O;
const uint X_LOADS = TILE_X * STEPS / LOCAL_Y;                   // words of x that an invocation fetches: 1..8
const uint W_LOADS = (TILE_O * STEPS + LOCAL_X - 1u) / LOCAL_X;  // blocks of weights: 1..4
const uint STEP_APART = LOCAL_Y / TILE_X;                        // steps between two of an invocation's words

// What is beyond a tile's width keeps neighbouring steps out of each other's memory banks.
const uint X_STRIDE = PIXELS + 4u;
const uint W_STRIDE = BLOCKS + 1u;
shared uint staged_x[SLICES * STEPS * X_STRIDE];
shared uvec4 staged_w[SLICES * STEPS * W_STRIDE];
shared ivec4 parts[(SLICES - 1u) * THREADS + 1u];

WeightBlock staged_weights(uint at) {
  const uvec4 v = staged_w[at];
#if defined(PATH_DOT)
  return WeightBlock(v.x, v.y, v.z, v.w);
#else
  return WeightBlock(int_bytes(v.x), int_bytes(v.y), int_bytes(v.z), int_bytes(v.w));
#endif
}

// Unrolled by macros, so that arrays are registers wherever this is compiled.
#define EACH_X(F) F(0u) F(1u) F(2u) F(3u) F(4u) F(5u) F(6u) F(7u)
#define EACH_O(F) F(0u) F(1u) F(2u) F(3u)
#define EACH_X_OF(F, o) F(0u, o) F(1u, o) F(2u, o) F(3u, o) F(4u, o) F(5u, o) F(6u, o) F(7u, o)
#define AT(i, o) (o * 8u + i)
#define CLEAR(i, o) acc[AT(i, o)] = ivec4(0);
#define CLEAR_O(o) EACH_X_OF(CLEAR, o)

// Word k of x, word k of weights: the step in the tile, and the place beside others of that step.
#define X_STEP(k) (ROWS ? thread % STEPS : thread / PIXELS + k * STEP_APART)
#define X_PLACE(k) (ROWS ? thread / STEPS + k * (THREADS / STEPS) : thread % PIXELS)
#define W_STEP(k) ((thread + k * THREADS) % STEPS)
#define W_PLACE(k) ((thread + k * THREADS) / STEPS)

// Steps past the end are zero times anything: they read what exists.
#define FETCH_X(k)                                                                                   \
  if (k < X_LOADS) {                                                                                 \
    const uint ib = first + X_STEP(k);                                                               \
    const uint from = ROWS ? x_first + min(pixel0 + X_PLACE(k), p.tiles - 1u) * p.x_pixel : x_pixel; \
    const uint word = x[from + min(ib, p.in_blocks - 1u) * p.x_block];                               \
    held_x[k] = chunk < chunks && ib < p.in_blocks ? (inside ? word : fill) : 0u;                    \
  }
#define FETCH_W(k)                                                                                     \
  if (k < W_LOADS) {                                                                                   \
    const uint block = group * p.out_blocks + min(block0 + W_PLACE(k), p.out_blocks - 1u);             \
    held_w[k] = words4[block * p.steps + tap * p.in_blocks + min(first + W_STEP(k), p.in_blocks - 1u)]; \
  }
#define FETCH(number)                                                                                  \
  {                                                                                                    \
    const uint chunk = number;                                                                         \
    const uint tap = min(chunk / chunks_of_tap, taps - 1u);                                            \
    const uint first = chunk % chunks_of_tap * STEPS;                                                  \
    const int iy = top + int(tap / kernel_w * (p.dilation >> 16));                                     \
    const int ix = left + int(tap % kernel_w * (p.dilation & 0xFFFFu));                                \
    const bool inside = iy >= 0 && iy < p.in_h && ix >= 0 && ix < p.in_w;                              \
    const uint x_pixel =                                                                               \
        x_first + uint(clamp(iy, 0, p.in_h - 1)) * p.x_row + uint(clamp(ix, 0, p.in_w - 1)) * p.x_pixel; \
    EACH_X(FETCH_X)                                                                                    \
    EACH_O(FETCH_W)                                                                                    \
  }
#define PUT_X(k) \
  if (k < X_LOADS) staged_x[x_slice + X_STEP(k) * X_STRIDE + X_PLACE(k)] = held_x[k];
#define PUT_W(k) \
  if (k < W_LOADS && W_PLACE(k) < BLOCKS) staged_w[w_slice + W_STEP(k) * W_STRIDE + W_PLACE(k)] = held_w[k];

#define TAKE(i) \
  if (i < TILE_X) v[i] = decode_x(staged_x[x_slice + s * X_STRIDE + gl_LocalInvocationID.x + i * LOCAL_X]);
#define STEP_O(o)                                                                                             \
  if (o < TILE_O) {                                                                                           \
    const WeightBlock w = staged_weights(w_slice + s * W_STRIDE + gl_LocalInvocationID.y + o * LOCAL_Y);      \
    EACH_X_OF(STEP, o)                                                                                        \
  }
#define STEP(i, o) \
  if (i < TILE_X) acc[AT(i, o)] = multiply_add(acc[AT(i, o)], w, v[i]);

#define JOIN_O(o) \
  if (o < TILE_O) { EACH_X_OF(JOIN, o) }
#define JOIN(i, o)                                                                                         \
  if (i < TILE_X) {                                                                                        \
    barrier();                                                                                             \
    if (slice > 0u) parts[(slice - 1u) * THREADS + thread] = acc[AT(i, o)];                                \
    barrier();                                                                                             \
    if (slice == 0u) {                                                                                     \
      for (uint z = 0u; z < SLICES - 1u; ++z) acc[AT(i, o)] += parts[z * THREADS + thread];                \
    }                                                                                                      \
  }
#define STORE_O(o)                                                                   \
  if (o < TILE_O) {                                                                  \
    const uint in_group = block0 + gl_LocalInvocationID.y + o * LOCAL_Y;             \
    if (in_group < p.out_blocks) {                                                   \
      const uint block = group * p.out_blocks + in_group;                            \
      const uint y_block = gl_WorkGroupID.z * p.y_batch + block * p.y_block;         \
      const OutputBlock shared_parts = load_output_block(block);                     \
      EACH_X_OF(STORE, o)                                                            \
    }                                                                                \
  }
#define STORE(i, o)                                                                                       \
  if (i < TILE_X) {                                                                                       \
    const uint pixel = pixel0 + gl_LocalInvocationID.x + i * LOCAL_X;                                     \
    if (pixel < p.tiles) {                                                                                \
      const uint oy = divide(pixel, p.out_w);                                                             \
      store(y_block + oy * p.y_row + (pixel - oy * p.out_w) * p.y_pixel, acc[AT(i, o)], shared_parts);     \
    }                                                                                                     \
  }

void main() {
  const uint thread = gl_LocalInvocationID.y * LOCAL_X + gl_LocalInvocationID.x;
  const uint slice = gl_LocalInvocationID.z;
  const uint x_slice = slice * STEPS * X_STRIDE;
  const uint w_slice = slice * STEPS * W_STRIDE;
  const uint group = gl_WorkGroupID.y / p.o_tiles;
  const uint block0 = gl_WorkGroupID.y % p.o_tiles * BLOCKS;
  const uint pixel0 = gl_WorkGroupID.x * PIXELS;
  const uint x_first = x_skew() + gl_WorkGroupID.z * p.x_batch + group * p.in_blocks * p.x_block;
  const uint kernel_w = p.kernel & 0xFFFFu;
  const uint taps = (p.kernel >> 16) * kernel_w;
  const uint chunks_of_tap = (p.in_blocks + STEPS - 1u) / STEPS;
  const uint chunks = taps * chunks_of_tap;
  const uint fill = padding_word();
  // The pixel whose x an invocation fetches. (ROWS: others each time, none beyond the image.)
  const uint own = min(pixel0 + thread % PIXELS, p.tiles - 1u);
  const uint own_y = divide(own, p.out_w);
  const int top = ROWS ? 0 : int(own_y * (p.stride >> 16)) - int(p.pad >> 16);
  const int left = ROWS ? 0 : int((own - own_y * p.out_w) * (p.stride & 0xFFFFu)) - int(p.pad & 0xFFFFu);

  ivec4 acc[32];
  EACH_O(CLEAR_O)
  uint held_x[8];
  uvec4 held_w[4];
  FETCH(slice)
  // As many turns for all slices, so that all meet at each barrier.
  for (uint turn = 0u; turn < chunks; turn += SLICES) {
    barrier();
    EACH_X(PUT_X)
    EACH_O(PUT_W)
    barrier();
    if (turn + SLICES < chunks) FETCH(turn + SLICES + slice)
    for (uint s = 0u; s < STEPS; ++s) {
      CONV_X v[8];
      EACH_X(TAKE)
      EACH_O(STEP_O)
    }
  }
  if (SLICES > 1u) {
    EACH_O(JOIN_O)
  }
  if (slice > 0u) return;
  EACH_O(STORE_O)
}

// conv2d.comp and conv_transpose2d.comp: an invocation sums TILE_X neighbouring outputs of a row for TILE_O blocks of 4
// output channels. Tiles are unrolled by macros, since SwiftShader keeps arrays with computed indices in memory.
// Tensors are addressed by strides in units, so that rows of a matrix (Linear) are pixels of an image one row high.
#ifndef NIBBLE_CONV_TILE_GLSL
#define NIBBLE_CONV_TILE_GLSL

#include "lib/conv_bindings.glsl"
#if defined(CONV_LANES)
#include "lib/lane_words.glsl"
#else
#define CONV_MAY_PLACE
#endif
#include "lib/conv_mac.glsl"
#include "lib/conv_finish.glsl"

layout(constant_id = NBL_SPEC_CONV_TILE_X) const uint TILE_X = 4u;       // 1..8
layout(constant_id = NBL_SPEC_CONV_TILE_O) const uint TILE_O = 2u;       // 1..4, transposed 1..2
layout(constant_id = NBL_SPEC_CONV_PADDED) const bool PADDED = true;     // some outputs read beyond the image

layout(constant_id = NBL_SPEC_CONV_ONE_TAP) const bool ONE_TAP = false;      // the window is a place
layout(constant_id = NBL_SPEC_CONV_ONE_BLOCK) const bool ONE_BLOCK = false;  // there are 4 input channels or fewer
layout(constant_id = NBL_SPEC_CONV_FLAT) const bool FLAT = false;  // one loop over taps and blocks of input channels
#if defined(CONV_CHUNKED)
layout(constant_id = NBL_SPEC_CONV_CHUNKS) const uint CHUNKS = NBL_CHUNKS_COUNTED;
const bool ONE_CHUNK = CHUNKS == NBL_CHUNKS_ONE;
const bool CHUNK_A_TAP = CHUNKS == NBL_CHUNKS_TAPS;
const bool COUNTED = CHUNKS == NBL_CHUNKS_COUNTED;
#else
const bool COUNTED = false;
#endif

#if defined(CONV_LANES)
#include "lib/conv_lanes.glsl"
#if defined(A_i8)
#include "lib/lane_table.glsl"
#endif
#endif

#define EACH_X(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#if defined(CONV_TRANSPOSED)
#define EACH_O(F) F(0) F(1)
#else
#define EACH_O(F) F(0) F(1) F(2) F(3)
#endif
#define EACH_X_OF(F, o) F(0, o) F(1, o) F(2, o) F(3, o) F(4, o) F(5, o) F(6, o) F(7, o)
#define AT(i, o) (o * 8u + i)

#if defined(W_i4) && !defined(CONV_LANES)
#define CHUNK_STEPS p.group_steps
#define CLOSE_O(o)                                                                                   \
  if (o < TILE_O) {                                                                                  \
    const CONV_SUM f = group_factors(words[p.group_multiplier + block_of[o] * group_count + group_index]); \
    EACH_X_OF(CLOSE, o)                                                                              \
  }
#define CLOSE(i, o)                                                   \
  if (i < TILE_X) {                                                   \
    sums[AT(i, o)] = close_chunk(sums[AT(i, o)], acc[AT(i, o)], f);   \
    acc[AT(i, o)] = CONV_ACC(0);                                      \
  }
#elif defined(CONV_CHUNKED)
#define CHUNK_STEPS CONV_EXACT_STEPS
#define CLOSE_O(o) \
  if (o < TILE_O) { EACH_X_OF(CLOSE, o) }
#define CLOSE(i, o)                                                               \
  if (i < TILE_X) {                                                               \
    sums[AT(i, o)] = close_chunk(sums[AT(i, o)], LESS_OFFSET(acc[AT(i, o)], i)); \
    acc[AT(i, o)] = CONV_ACC(0);                                                  \
  }
#else
#define sums acc
#endif

#if defined(CONV_PLACED)
#define LESS_OFFSET(sum, i) (sum - offset[i])
#define CLEAR_OFFSETS EACH_X(CLEAR_OFFSET)
#define CLEAR_OFFSET(i) offset[i] = 0.0;
#define ADD_OFFSETS EACH_X(ADD_OFFSET)
#define ADD_OFFSET(i) \
  if (i < TILE_X) offset[i] += offset_of(v[i]);
#else
#define LESS_OFFSET(sum, i) sum
#define CLEAR_OFFSETS
#define ADD_OFFSETS
#endif
#define CLEAR(i, o) acc[AT(i, o)] = CONV_ACC(0);
#define CLEAR_SUM(i, o) sums[AT(i, o)] = CONV_SUM(0);
#define CLEAR_O(o) EACH_X_OF(CLEAR, o)
#define CLEAR_SUM_O(o) EACH_X_OF(CLEAR_SUM, o)
#define PLACE_O(o)                                                              \
  if (o < TILE_O) {                                                             \
    block_of[o] = group * p.out_blocks + min(block0 + o, p.out_blocks - 1u);    \
    w_at[o] = block_of[o] * p.steps * CONV_BLOCK;                               \
  }
#define PLACE_X(i)                                                       \
  if (i < TILE_X) {                                                      \
    const int at = ix + i * x_step;                                      \
    x_at[i] = row + uint(clamp(at, 0, p.in_w - 1)) * p.x_pixel;          \
    keep[i] = inside && at >= 0 && at < p.in_w ? 0xFFFFFFFFu : 0u;       \
  }
#define LOAD(i)                                                                  \
  if (i < TILE_X) {                                                              \
    v[i] = PADDED ? decode_x(x[x_at[i]], keep[i], fill) : decode_x(x[x_at[i]]);  \
    x_at[i] += p.x_block;                                                        \
  }
#if !defined(CONV_LANES)
#define FETCH_ALL
#define TAKE_WEIGHTS(o) const WeightBlock w = load_weights(w_at[o] + w_tap);
#define STEP_WORDS CONV_BLOCK
#else
#define TAKE_WEIGHTS(o)           \
  WeightBlock w;                  \
  if (SHUFFLE) {                  \
    w = SHUFFLED(o);              \
  } else {                        \
    w = SWAP_ROUND(OWN(o));       \
  }
#define STEP_WORDS BLOCK_WORDS
#endif
#if defined(CONV_LANES) && defined(W_i4)
#define NEXT_GROUP                                       \
  {                                                      \
    const bool next = --room == 0u;                      \
    group_index += next ? 1u : 0u;                       \
    room = next ? p.group_steps : room;                  \
  }
#else
#define NEXT_GROUP
#endif
#define STEP_O(o)                            \
  if (o < TILE_O) {                          \
    TAKE_WEIGHTS(o)                        \
    EACH_X_OF(STEP, o)                       \
  }
#define STEP(i, o) \
  if (i < TILE_X) acc[AT(i, o)] = multiply_add(acc[AT(i, o)], w, v[i]);
#define STEP_ALL         \
  {                      \
    FETCH_ALL            \
    CONV_X v[8];         \
    EACH_X(LOAD)         \
    ADD_OFFSETS          \
    EACH_O(STEP_O)       \
    w_tap += STEP_WORDS; \
    NEXT_GROUP           \
  }
#if defined(CONV_LANES)
#define IN_ORDER(sum) in_order(sum, lane)
#define IDLE (oy * p.tiles_x >= p.tiles)
#else
#define IN_ORDER(sum) sum
#define IDLE false
#endif
// The sums are stored in loops, since code for every output of the tile would take long to compile. Row o of them, then
// output i of it, by selection: an array with computed indices triples what LLVM takes for a kernel and is slower there. On
// the JIT of SwiftShader (Subzero) 3x3 layers lose an eighth by it.
layout(constant_id = NBL_SPEC_CONV_INDEXED) const bool INDEXED = false;
#if defined(CONV_LANES) && defined(A_i8)
// All lanes take part, also those that have nothing to store.
#define STORE_MAPPED(i)                                                                          \
  if (i < TILE_X) {                                                                              \
    const ivec4 v = taken_from_lanes(finished(row[i], shared_parts));                            \
    const uint at = ox + i * y_step;                                                             \
    if (at < out_w && !is_idle) store_added(y_block + at * y_pixel, v, shared_parts);            \
  }
#else
const bool TABLE_IN_LANES = false;
#define HOLD_TABLE
#define STORE_MAPPED(i)
#endif
#define COLLECT_O(o) EACH_X_OF(COLLECT, o)
#define COLLECT(i, o) results[AT(i, o)] = sums[AT(i, o)];
#define PICK_ROW(i)                                                                                \
  if (i < TILE_X) {                                                                                \
    row[i] = sums[AT(i, 0)];                                                                       \
    if (TILE_O > 1u) row[i] = mix(row[i], sums[AT(i, 1)], bvec4(o == 1u));                         \
    PICK_MORE(i)                                                                                   \
  }
#if defined(CONV_TRANSPOSED)
#define PICK_MORE(i)
#else
#define PICK_MORE(i)                                                         \
  if (TILE_O > 2u) row[i] = mix(row[i], sums[AT(i, 2)], bvec4(o == 2u));     \
  if (TILE_O > 3u) row[i] = mix(row[i], sums[AT(i, 3)], bvec4(o == 3u));
#endif
#define PICK(k) \
  if (k < TILE_X) sum = mix(sum, row[k], bvec4(i == k));

// Where the next step of a flat loop lies: a block of input channels on, or the next tap.
#define NEXT_BLOCK                                     \
  {                                                    \
    x_block_at += p.x_block;                           \
    const bool next_tap = x_block_at == x_end;         \
    kx += next_tap ? 1u : 0u;                          \
    x_block_at = next_tap ? 0u : x_block_at;           \
  }
#define NEXT_TAP                          \
  {                                       \
    const bool next = kx == kernel_w;     \
    ky += next ? 1u : 0u;                 \
    kx = next ? 0u : kx;                  \
  }

void main() {
  if (gl_GlobalInvocationID.y >= p.o_tiles * p.groups) return;
#if defined(CONV_LANES)
  // All lanes of a subgroup stay, holding weights for the others; those past the last tile read what others read too and
  // store nothing.
  const uint tile = gl_GlobalInvocationID.x;
#else
  const uint tile = gl_GlobalInvocationID.x;
  if (tile >= p.tiles) return;
#endif
  const uint group = gl_GlobalInvocationID.y / p.o_tiles;
  const uint block0 = gl_GlobalInvocationID.y % p.o_tiles * TILE_O;
  const uint oy = tile / p.tiles_x;
  const uint tile_x = tile % p.tiles_x;
  const uint kernel_h = p.kernel >> 16;
  const uint kernel_w = p.kernel & 0xFFFFu;
  const uint stride_h = p.stride >> 16;
  const uint stride_w = p.stride & 0xFFFFu;
  const uint dilation_h = p.dilation >> 16;
  const uint dilation_w = p.dilation & 0xFFFFu;
  const uint pad_top = p.pad >> 16;
  const uint pad_left = p.pad & 0xFFFFu;
#if defined(CONV_TRANSPOSED)
  // A tile's outputs are a stride apart, so that all of them meet the same taps; `phase` is their position in a stride.
  const uint tiles_in_phase = p.tiles_x / stride_w;
  const uint phase = tile_x / tiles_in_phase;
  const uint first = tile_x % tiles_in_phase * TILE_X;
  const uint ox = phase + first * stride_w;
  const uint y_step = stride_w;
  const int x_step = 1;
#else
  const uint ox = tile_x * TILE_X;
  const uint y_step = 1u;
  const int x_step = int(stride_w);
#endif

  LOAD_CODEBOOK
#if defined(W_i4)
  const uint group_count = (p.steps + p.group_steps - 1u) / p.group_steps;
#endif
#if defined(CONV_LANES)
  const uint lane = gl_SubgroupInvocationID;
  uint lane_at[4];
#if defined(W_i4)
  uint factor_at[4];
  const uint tile_factors_at =
      p.group_multiplier + (group * p.out_blocks + min(block0 + lane % 4u, p.out_blocks - 1u)) * group_count;
  // Of a lane's channel: what brings its nibble to the top of a byte, where its multiplier lies in a word.
  const uint nibble_place = (lane & 1u) != 0u ? 1u : 16u;
  const uint factor_mask = 0xFFu << lane % 4u * 8u;
  const float factor_scale = 1.0 / float(1u << lane % 4u * 8u);
  uint group_index = 0u;
  uint room = p.group_steps;
#endif
  EACH_SHARE(PLACE_SHARE)
#else
  uint block_of[4];
  uint w_at[4];
  EACH_O(PLACE_O)
#endif
  CONV_ACC acc[32];
  EACH_O(CLEAR_O)
#if defined(CONV_PLACED)
  float offset[8];
  CLEAR_OFFSETS
#endif
#if defined(CONV_CHUNKED)
  CONV_SUM sums[32];
  EACH_O(CLEAR_SUM_O)
#if !defined(CONV_LANES)
  uint room = CHUNK_STEPS;
  uint group_index = 0u;
#endif
#endif
#if defined(A_i8)
  const uint fill = padding_word();
#else
  const uint fill = 0u;
#endif
  const uint x_first = x_skew() + gl_GlobalInvocationID.z * p.x_batch + group * p.in_blocks * p.x_block;
  uint w_tap = 0u;
  const uint x_end = p.in_blocks * p.x_block;

  // Loops as few and as flat as the layer allows: a software driver copies every running sum where a loop is entered,
  // turned and left.
#if !defined(CONV_TRANSPOSED)
  if (ONE_TAP) {
    const uint ky = 0u;
    const uint kx = 0u;
#include "lib/conv_tap.glsl"
  } else
#endif
#if defined(CONV_LANES) && defined(CONV_CHUNKED)
  if (FLAT && COUNTED) {
    uint ky = 0u;
    uint kx = 0u;
    uint x_block_at = 0u;
    for (uint left = p.steps; left > 0u;) {
      const uint end = left - min(left, CHUNK_STEPS);
      EACH_O(CLEAR_O)
      while (left > end) {
#define CONV_TAPS
#define CONV_FLAT_STEP
#include "lib/conv_tap.glsl"
#undef CONV_FLAT_STEP
#undef CONV_TAPS
        NEXT_BLOCK
        NEXT_TAP
        --left;
      }
      EACH_O(CLOSE_O)
    }
  } else
#endif
  {
    uint kx = 0u;
    uint x_block_at = 0u;
    for (uint ky = 0u; ky < kernel_h;) {
#define CONV_TAPS
#include "lib/conv_tap.glsl"
      if (FLAT) {
        NEXT_BLOCK
      } else {
        ++kx;
      }
      NEXT_TAP
    }
  }
#if defined(CONV_LANES)
#if defined(CONV_CHUNKED)
  if (ONE_CHUNK) {
    EACH_O(CLOSE_O)
  }
#endif
#elif defined(CONV_CHUNKED)
  if (ONE_CHUNK || (!CHUNK_A_TAP && room < CHUNK_STEPS)) {
    EACH_O(CLOSE_O)
  }
#endif
  CONV_SUM results[32];
  if (INDEXED) {
    EACH_O(COLLECT_O)
  }
  const uint y_row = gl_GlobalInvocationID.z * p.y_batch + oy * p.y_row;
  const uint y_pixel = p.y_pixel;
  const uint out_w = p.out_w;
  const bool is_idle = IDLE;
  HOLD_TABLE
  for (uint o = 0u; o < TILE_O; ++o) {
    if (block0 + o >= p.out_blocks || (is_idle && !TABLE_IN_LANES)) break;
    const uint block = group * p.out_blocks + block0 + o;
    const uint y_block = y_row + block * p.y_block;
    const OutputBlock shared_parts = load_output_block(block);
    CONV_SUM row[8];
    if (!INDEXED) {
      EACH_X(PICK_ROW)
    }
    if (TABLE_IN_LANES) {
      EACH_X(STORE_MAPPED)
      continue;
    }
    for (uint i = 0u; i < TILE_X; ++i) {
      const uint at = ox + i * y_step;
      if (at >= out_w) break;
      CONV_SUM sum;
      if (INDEXED) {
        sum = results[AT(i, o)];
      } else {
        sum = row[0];
        EACH_X(PICK)
      }
      sum = IN_ORDER(sum);
      store(y_block + at * y_pixel, sum, shared_parts);
    }
  }
}

#endif

// Convolution of each channel with a kernel of its own. An invocation computes TILE_X neighbouring outputs of a row for one
// block of 4 channels; a row of x that the taps share is loaded once into a window. The row with NEEDS lanes keeps the table
// behind the layer in the registers of a subgroup.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/conv_bindings.glsl"
#if defined(CONV_LANES)
#include "lib/lane_words.glsl"
#endif
#include "lib/conv_mac.glsl"
#include "lib/conv_finish.glsl"
#if defined(CONV_LANES)
#include "lib/lane_table.glsl"
#else
const bool TABLE_IN_LANES = false;
#define HOLD_TABLE
#endif

layout(constant_id = NBL_SPEC_CONV_TILE_X) const uint TILE_X = 4u;        // 1..8
layout(constant_id = NBL_SPEC_CONV_PADDED) const bool PADDED = true;      // some outputs read beyond the image
layout(constant_id = NBL_SPEC_CONV_KERNEL_W) const uint KERNEL_W = 0u;    // 1..7; 0: any size, no window
layout(constant_id = NBL_SPEC_CONV_STRIDE_W) const uint STRIDE_W = 1u;    // of the window
layout(constant_id = NBL_SPEC_CONV_DILATION_W) const uint DILATION_W = 1u;

#define WINDOW ((TILE_X - 1u) * STRIDE_W + (KERNEL_W - 1u) * DILATION_W + 1u)  // 1..16 units

// Unrolled by macros, see lib/conv_tile.glsl.
#define EACH_X(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define EACH_IN_WINDOW(F) EACH_X(F) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define EACH_TAP(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6)
#define EACH_X_OF(F, k) F(0, k) F(1, k) F(2, k) F(3, k) F(4, k) F(5, k) F(6, k) F(7, k)

#if defined(A_i8) && !defined(PATH_F32)
#define SUM ivec4
#else
#define SUM vec4
#endif
#if defined(A_i8)
#define RESULT ivec4
#else
#define RESULT vec4
#endif

// PATH f32 leaves the bytes of x where they lie in the word, as multiples of 1, 2^8, 2^16 and 2^24, offset to unsigned but
// for the last, and takes that back in the weights and at the end: 512 products below 2^15 sum up exactly.
const vec4 PLACE = vec4(1.0, 1.0 / 256.0, 1.0 / 65536.0, 1.0 / 16777216.0);
const vec4 OFFSET = vec4(128.0, 128.0 * 256.0, 128.0 * 65536.0, 0.0);

SUM load_tap(uint at) {
#if defined(W_f32)
  return uintBitsToFloat(words4[at]);
#elif defined(W_f16)
  return decode_f16(words2[at]);
#elif defined(A_i8) && !defined(PATH_F32)
  return int_bytes(words[at]);
#elif defined(A_i8)
  return float_bytes(words[at]) * PLACE;
#else
  return float_bytes(words[at]);
#endif
}

// row_end: in_w, or 0 where the row lies outside.
SUM load_x(uint row, int ix, uint row_end) {
  const uint at = row + uint(clamp(ix, 0, p.in_w - 1)) * p.x_pixel;
  const bool inside = !PADDED || uint(ix) < row_end;
#if defined(A_i8)
  const uint found = x[at];
  const uint fill = padding_word();
  const uint word = inside ? found : fill;
#if defined(PATH_F32)
  return vec4(ivec4(int(word ^ 0x00808080u)) & ivec4(0xFF, 0xFF00, 0xFF0000, int(0xFF000000u)));
#else
  return int_bytes(word);
#endif
#else
  if (!PADDED) return decode_x(x[at]);
  return decode_x(x[at], inside ? 0xFFFFFFFFu : 0u, 0u);
#endif
}

#if defined(A_i8) && defined(PATH_F32)
#define ADD_WEIGHT(w) weight_sum += w;
#define SUM_OF(i) RESULT(acc[i] - weight_sum * OFFSET)
#else
#define ADD_WEIGHT(w)
#define SUM_OF(i) RESULT(acc[i])
#endif

#define CLEAR(i) acc[i] = SUM(0);
#define LOAD(i) \
  if (i < WINDOW) v[i] = load_x(row, ix + i, row_end);
#define TAP(k)                           \
  if (k < KERNEL_W) {                    \
    const SUM w = load_tap(w_at + k);    \
    ADD_WEIGHT(w)                        \
    EACH_X_OF(STEP, k)                   \
  }
#define STEP(i, k) \
  if (i < TILE_X) acc[i] += w * v[(i * STRIDE_W + k * DILATION_W) & 15u];
#define STEP_ANY(i) \
  if (i < TILE_X) acc[i] += w * load_x(row, ix + i * stride_w, row_end);
#define STORE(i) \
  if (i < TILE_X && ox + i < out_w) store(y_row + (ox + i) * y_pixel, SUM_OF(i), shared_parts);
#if defined(CONV_LANES)
// All lanes take part, also those that have nothing to store.
#define STORE_MAPPED(i)                                                                                 \
  if (i < TILE_X) {                                                                                     \
    const ivec4 v = taken_from_lanes(finished(SUM_OF(i), shared_parts));                                \
    if (!is_idle && ox + i < out_w) store_added(y_row + (ox + i) * y_pixel, v, shared_parts);           \
  }
#else
#define STORE_MAPPED(i)
#endif
void main() {
  const uint tile = gl_GlobalInvocationID.x;
  const uint block = gl_GlobalInvocationID.y;
  const bool is_idle = tile >= p.tiles;
  if (block >= p.out_blocks || (is_idle && !TABLE_IN_LANES)) return;
#if defined(CONV_LANES)
  const uint lane = gl_SubgroupInvocationID;
#endif
  const uint oy = divide(tile, p.tiles_x);
  const uint ox = (tile - oy * p.tiles_x) * TILE_X;
  const uint kernel_h = p.kernel >> 16;
  const uint kernel_w = p.kernel & 0xFFFFu;
  const int stride_w = int(p.stride & 0xFFFFu);
  const uint plane = x_skew() + gl_GlobalInvocationID.z * p.x_batch + block * p.x_block;
  uint w_at = block * p.steps;
  SUM acc[8];
  EACH_X(CLEAR)
#if defined(A_i8) && defined(PATH_F32)
  vec4 weight_sum = vec4(0.0);
#endif
  for (uint ky = 0u; ky < kernel_h; ++ky) {
    const int iy = int(oy * (p.stride >> 16) + ky * (p.dilation >> 16)) - int(p.pad >> 16);
    const uint row_end = iy >= 0 && iy < p.in_h ? uint(p.in_w) : 0u;
    const uint row = plane + uint(clamp(iy, 0, p.in_h - 1)) * p.x_row;
    int ix = int(ox) * stride_w - int(p.pad & 0xFFFFu);
    if (KERNEL_W > 0u) {
      SUM v[16];
      EACH_IN_WINDOW(LOAD)
      EACH_TAP(TAP)
    } else {
      for (uint kx = 0u; kx < kernel_w; ++kx) {
        const SUM w = load_tap(w_at + kx);
        ADD_WEIGHT(w)
        EACH_X(STEP_ANY)
        ix += int(p.dilation & 0xFFFFu);
      }
    }
    w_at += kernel_w;
  }
  const uint y_row = gl_GlobalInvocationID.z * p.y_batch + block * p.y_block + oy * p.y_row;
  const uint y_pixel = p.y_pixel;
  const uint out_w = p.out_w;
  const OutputBlock shared_parts = load_output_block(block);
  if (TABLE_IN_LANES) {
    HOLD_TABLE
    EACH_X(STORE_MAPPED)
  } else {
    EACH_X(STORE)
  }
}

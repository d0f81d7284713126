// The inner step of all convolutions: a block of 4 output x 4 input channels of packed weights (engine/format/FORMAT.md)
// times a unit of 4 input channels. Three ways to sum int8 products give the same bits (engine/ops/INTEGER.md).
//
//   CONV_X    a unit of x in registers       CONV_W    the 4 weights of one output channel
//   CONV_ACC  running sums of 4 output channels; CONV_SUM the sums once a chunk is closed
#ifndef NIBBLE_CONV_MAC_GLSL
#define NIBBLE_CONV_MAC_GLSL

#include "lib/types.glsl"
#include "lib/dot.glsl"
#include "lib/unpack.glsl"

#if defined(A_i8) && defined(PATH_DOT)
#define CONV_X uint
#define CONV_W uint
#define CONV_ACC ivec4
#define CONV_SUM ivec4
#elif defined(A_i8) && defined(PATH_F32)
#define CONV_X vec4
#define CONV_W vec4
#define CONV_ACC vec4
#define CONV_SUM ivec4
#elif defined(A_i8)
#define CONV_X ivec4
#define CONV_W ivec4
#define CONV_ACC ivec4
#define CONV_SUM ivec4
#else
#define CONV_X vec4
#define CONV_W vec4
#define CONV_ACC vec4
#define CONV_SUM vec4
#endif

// Weights of int8 that every invocation unpacks for itself stay where they lie in their word and offset to unsigned, which
// saves a third of what that takes: x is divided by 1, 2^8, 2^16, 2^24 instead, and the sums have 128 times the sum of x's
// first three bytes too much, which all output channels share. 146 steps of 3 * 255 * 128 + 128 * 128 stay below 2^24.
#if defined(W_i8) && defined(A_i8) && defined(PATH_F32) && defined(CONV_MAY_PLACE)
#define CONV_PLACED
float offset_of(vec4 x) { return dot(x.xyz, vec3(128.0, 128.0 * 256.0, 128.0 * 65536.0)); }
#endif

// Sums are closed in chunks: after each group of int4 weights, and before an fp32 sum of int8 products can pass 2^24.
// (CONV_LANES: conv_lanes.glsl, where groups are no matter any more.)
#if (defined(W_i4) && !defined(CONV_LANES)) || (defined(A_i8) && defined(PATH_F32))
#define CONV_CHUNKED
#endif
// Steps of 4 channels: 1,024 products of at most 2^14, or 64 of less than 2^18 (255 * 8 * 128) with the multiplier.
#if defined(W_i4)
#define CONV_EXACT_STEPS 16u
#elif defined(CONV_PLACED)
#define CONV_EXACT_STEPS 146u
#else
#define CONV_EXACT_STEPS 256u
#endif

// Where padding lies, `keep` is 0 (else all ones): the bits of x are cleared; integers get `fill` = the zero points.
#if defined(A_f32)
CONV_X decode_x(A_UNIT unit, uint keep, uint fill) { return uintBitsToFloat(floatBitsToUint(unit) & keep); }
CONV_X decode_x(A_UNIT unit) { return unit; }
#elif defined(A_f16)
CONV_X decode_x(A_UNIT unit) { return decode_f16(unit); }
CONV_X decode_x(A_UNIT unit, uint keep, uint fill) { return decode_f16(unit & keep); }
#else
#if defined(PATH_DOT)
CONV_X decode_x(A_UNIT unit) { return unit; }
#elif defined(CONV_PLACED)
CONV_X decode_x(A_UNIT unit) {
  return float_bytes_placed(unit);
}
#elif defined(PATH_F32) && defined(CONV_LANES)
CONV_X decode_x(A_UNIT unit) {
  if (SHUFFLE) return float_bytes(unit);
  return high_bytes(unit);
}
#elif defined(PATH_F32)
CONV_X decode_x(A_UNIT unit) { return float_bytes(unit); }
#else
CONV_X decode_x(A_UNIT unit) { return int_bytes(unit); }
#endif
CONV_X decode_x(A_UNIT unit, uint keep, uint fill) { return decode_x((unit & keep) | (fill & ~keep)); }
#endif

// Elements of the constants' view that one block of 4 x 4 weights takes.
#if defined(W_f32)
#define CONV_BLOCK 4u
#elif defined(W_f16)
#define CONV_BLOCK 2u
#elif defined(W_i8)
#define CONV_BLOCK 1u
#elif defined(W_i4) || defined(W_lut4)
#define CONV_BLOCK 1u
#endif

#if defined(W_lut4)
// The sixteen signed bytes that nibbles name, kept in registers: loaded once, chosen by selection.
uvec4 codebook;
#define LOAD_CODEBOOK codebook = words4[p.group_multiplier / 4u];

int entry(uint index) {
  const uvec2 pair = (index & 8u) != 0u ? codebook.zw : codebook.xy;
  return bitfieldExtract(int((index & 4u) != 0u ? pair.y : pair.x), int(index & 3u) * 8, 8);
}
// Of the nibbles that begin at this bit of each byte.
ivec4 entries(uint word, uint bit) {
  return ivec4(entry(word >> bit), entry(word >> (bit + 8u)), entry(word >> (bit + 16u)), entry(word >> (bit + 24u)));
}
#else
#define LOAD_CODEBOOK
#endif

struct WeightBlock {
  CONV_W o0, o1, o2, o3;
};

WeightBlock load_weights(uint at) {
#if defined(W_f32)
  return WeightBlock(uintBitsToFloat(words4[at]), uintBitsToFloat(words4[at + 1]), uintBitsToFloat(words4[at + 2]),
                     uintBitsToFloat(words4[at + 3]));
#elif defined(W_f16)
  const uvec4 a = words4[at];
  const uvec4 b = words4[at + 1];
  return WeightBlock(decode_f16(a.xy), decode_f16(a.zw), decode_f16(b.xy), decode_f16(b.zw));
#elif defined(W_i8)
  const uvec4 v = words4[at];
#if defined(A_i8) && defined(PATH_DOT)
  return WeightBlock(v.x, v.y, v.z, v.w);
#elif defined(A_i8) && !defined(PATH_F32)
  return WeightBlock(int_bytes(v.x), int_bytes(v.y), int_bytes(v.z), int_bytes(v.w));
#elif defined(CONV_PLACED)
  return WeightBlock(places_of(v.x), places_of(v.y), places_of(v.z), places_of(v.w));
#else
  return WeightBlock(float_bytes(v.x), float_bytes(v.y), float_bytes(v.z), float_bytes(v.w));
#endif
#elif defined(W_i4)
  const uvec2 v = words2[at];
#if defined(A_i8) && defined(PATH_DOT)
  const uvec2 low = v << 4 & 0xF0F0F0F0u;  // 16 times the weights: divided once per chunk
  const uvec2 high = v & 0xF0F0F0F0u;
  return WeightBlock(low.x, high.x, low.y, high.y);
#elif defined(A_i8) && !defined(PATH_F32)
  return WeightBlock(int_nibbles(v.x, 0), int_nibbles(v.x, 4), int_nibbles(v.y, 0), int_nibbles(v.y, 4));
#else
  return WeightBlock(float_low_nibbles(v.x), float_high_nibbles(v.x), float_low_nibbles(v.y), float_high_nibbles(v.y));
#endif
#elif defined(W_lut4)
  const uvec2 v = words2[at];
#if defined(A_i8) && defined(PATH_DOT)
  return WeightBlock(encode_i8(entries(v.x, 0u)), encode_i8(entries(v.x, 4u)), encode_i8(entries(v.y, 0u)),
                     encode_i8(entries(v.y, 4u)));
#else
  return WeightBlock(CONV_W(entries(v.x, 0u)), CONV_W(entries(v.x, 4u)), CONV_W(entries(v.y, 0u)),
                     CONV_W(entries(v.y, 4u)));
#endif
#endif
}

#if defined(A_i8) && defined(PATH_DOT)
CONV_ACC multiply_add(CONV_ACC a, WeightBlock w, CONV_X x) {
  return CONV_ACC(dot_i8(w.o0, x, a.x), dot_i8(w.o1, x, a.y), dot_i8(w.o2, x, a.z), dot_i8(w.o3, x, a.w));
}
#else
CONV_ACC multiply_add(CONV_ACC a, WeightBlock w, CONV_X x) {
  return CONV_ACC(a.x + w.o0.x * x.x + w.o0.y * x.y + w.o0.z * x.z + w.o0.w * x.w,
                  a.y + w.o1.x * x.x + w.o1.y * x.y + w.o1.z * x.z + w.o1.w * x.w,
                  a.z + w.o2.x * x.x + w.o2.y * x.y + w.o2.z * x.z + w.o2.w * x.w,
                  a.w + w.o3.x * x.x + w.o3.y * x.y + w.o3.z * x.z + w.o3.w * x.w);
}
#endif

#if defined(W_i4) && !defined(CONV_LANES)
// Multipliers of 4 output channels for one group: a word of u8.
CONV_SUM group_factors(uint word) { return CONV_SUM(word & 0xFFu, word >> 8 & 0xFFu, word >> 16 & 0xFFu, word >> 24); }
CONV_SUM close_chunk(CONV_SUM sum, CONV_ACC acc, CONV_SUM factors) {
#if defined(PATH_DOT)
  return sum + factors * (acc >> 4);
#else
  return sum + factors * CONV_SUM(acc);
#endif
}
#elif defined(CONV_CHUNKED) && defined(CONV_LANES)
// Of high_bytes(): products are 2^48 of their value, 2^52 where weights are nibbles at the top of bytes.
#if defined(W_i4)
const float HIGH_SCALE = 1.0 / 4503599627370496.0;
#else
const float HIGH_SCALE = 1.0 / 281474976710656.0;
#endif
CONV_SUM close_chunk(CONV_SUM sum, CONV_ACC acc) { return sum + CONV_SUM(SHUFFLE ? acc : acc * HIGH_SCALE); }
#elif defined(CONV_CHUNKED)
CONV_SUM close_chunk(CONV_SUM sum, CONV_ACC acc) { return sum + CONV_SUM(acc); }
#endif

#endif

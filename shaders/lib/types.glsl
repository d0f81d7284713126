// Units: four elements along the blocked axis, as they lie in storage buffers and as values in registers.
//
//   type  X_UNIT (storage)  X_VALUE (registers)
//   f32   vec4              vec4
//   f16   uvec2             vec4   (no 16-bit storage needed)
//   i8    uint              ivec4
//   u8    uint              ivec4
//   i32   ivec4             ivec4
//
// TYPES A=... of a kernel row gives A_UNIT, A_VALUE, a_decode(unit) and a_encode(value); TYPES O=... the same with O,
// O being A where the row does not say. Encoders of i8 and u8 keep the low 8 bits: clamp before.
#ifndef NIBBLE_TYPES_GLSL
#define NIBBLE_TYPES_GLSL

vec4 decode_f32(vec4 unit) { return unit; }
vec4 encode_f32(vec4 value) { return value; }
vec4 decode_f16(uvec2 unit) { return vec4(unpackHalf2x16(unit.x), unpackHalf2x16(unit.y)); }
uvec2 encode_f16(vec4 value) { return uvec2(packHalf2x16(value.xy), packHalf2x16(value.zw)); }
ivec4 decode_i32(ivec4 unit) { return unit; }
ivec4 encode_i32(ivec4 value) { return value; }

ivec4 decode_i8(uint unit) {
  const int word = int(unit);
  return ivec4(word << 24, word << 16, word << 8, word) >> 24;
}
ivec4 decode_u8(uint unit) { return ivec4(uvec4(unit, unit >> 8, unit >> 16, unit >> 24) & 0xFFu); }
// Products in place of shifts, which some devices do one lane at a time; compilers for the others know what they are.
uint encode_i8(ivec4 value) {
  const uvec4 bytes = uvec4(value) & 0xFFu;
  return bytes.x | bytes.y * 0x100u | bytes.z * 0x10000u | bytes.w * 0x1000000u;
}

#if defined(A_f32)
#define A_UNIT vec4
#define A_VALUE vec4
#define a_decode decode_f32
#define a_encode encode_f32
#elif defined(A_f16)
#define A_UNIT uvec2
#define A_VALUE vec4
#define a_decode decode_f16
#define a_encode encode_f16
#elif defined(A_i8)
#define A_UNIT uint
#define A_VALUE ivec4
#define a_decode decode_i8
#define a_encode encode_i8
#elif defined(A_u8)
#define A_UNIT uint
#define A_VALUE ivec4
#define a_decode decode_u8
#define a_encode encode_i8
#elif defined(A_i32)
#define A_UNIT ivec4
#define A_VALUE ivec4
#define a_decode decode_i32
#define a_encode encode_i32
#endif

#if defined(O_f32)
#define O_UNIT vec4
#define O_VALUE vec4
#define o_decode decode_f32
#define o_encode encode_f32
#elif defined(O_f16)
#define O_UNIT uvec2
#define O_VALUE vec4
#define o_decode decode_f16
#define o_encode encode_f16
#elif defined(O_i8)
#define O_UNIT uint
#define O_VALUE ivec4
#define o_decode decode_i8
#define o_encode encode_i8
#elif defined(O_u8)
#define O_UNIT uint
#define O_VALUE ivec4
#define o_decode decode_u8
#define o_encode encode_i8
#elif defined(O_i32)
#define O_UNIT ivec4
#define O_VALUE ivec4
#define o_decode decode_i32
#define o_encode encode_i32
#else
#define O_UNIT A_UNIT
#define O_VALUE A_VALUE
#define o_decode a_decode
#define o_encode a_encode
#endif

#endif

// Elements as bare bits, for kernels that move data without looking at it.
// TYPES A=f32: any 32-bit element, A=f16: 16-bit, A=i8: 8-bit. LOAD_RAW reads one element of a buffer of uint words.
#ifndef NIBBLE_RAW_GLSL
#define NIBBLE_RAW_GLSL

#if defined(A_f32)
#define RAW_UNIT uvec4
#define LOAD_RAW(words, e) words[e]
uvec4 pack_raw(uvec4 lanes) { return lanes; }
uvec4 unpack_raw(uvec4 unit) { return unit; }
#elif defined(A_f16)
#define RAW_UNIT uvec2
#define LOAD_RAW(words, e) bitfieldExtract(words[(e) >> 1], int((e)&1u) * 16, 16)
uvec2 pack_raw(uvec4 lanes) { return uvec2(lanes.x | lanes.y << 16, lanes.z | lanes.w << 16); }
uvec4 unpack_raw(uvec2 unit) { return uvec4(unit.x & 0xFFFFu, unit.x >> 16, unit.y & 0xFFFFu, unit.y >> 16); }
#elif defined(A_i8)
#define RAW_UNIT uint
#define LOAD_RAW(words, e) bitfieldExtract(words[(e) >> 2], int((e)&3u) * 8, 8)
uint pack_raw(uvec4 lanes) { return lanes.x | lanes.y << 8 | lanes.z << 16 | lanes.w << 24; }
uvec4 unpack_raw(uint unit) { return uvec4(unit, unit >> 8, unit >> 16, unit >> 24) & 0xFFu; }
#endif

#endif

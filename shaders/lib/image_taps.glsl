// Pictures as words of bytes, and weights with 22 bits behind the point (engine/core/resample_taps.h).
#ifndef NIBBLE_IMAGE_TAPS_GLSL
#define NIBBLE_IMAGE_TAPS_GLSL

#define NBL_IMAGE_PRECISION 22
#define NBL_IMAGE_HALF (1 << (NBL_IMAGE_PRECISION - 1))

uvec3 image_bytes(uint word) { return uvec3(word, word >> 8, word >> 16) & 0xFFu; }
uvec3 image_rounded(ivec3 sum) { return uvec3(clamp(sum >> NBL_IMAGE_PRECISION, 0, 255)); }

#endif

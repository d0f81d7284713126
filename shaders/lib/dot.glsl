// Dot product of four packed signed bytes with four others, added to acc. Rows with PATH dot need Caps::dot8.
#ifndef NIBBLE_DOT_GLSL
#define NIBBLE_DOT_GLSL

#if defined(PATH_DOT)
#extension GL_EXT_spirv_intrinsics : require
// OpSDot with PackedVectorFormat4x8Bit (0); capabilities DotProduct and DotProductInput4x8BitPacked.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int spirv_sdot4x8(int a, int b, spirv_literal int packing);
int dot_i8(uint a, uint b, int acc) { return acc + spirv_sdot4x8(int(a), int(b), 0); }
#else
int dot_i8(uint a, uint b, int acc) {
  const int x = int(a);
  const int y = int(b);
  acc += (x << 24 >> 24) * (y << 24 >> 24);
  acc += (x << 16 >> 24) * (y << 16 >> 24);
  acc += (x << 8 >> 24) * (y << 8 >> 24);
  return acc + (x >> 24) * (y >> 24);
}
#endif

#endif

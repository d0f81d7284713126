// Four signed bytes, or the nibbles in four bytes, out of a word.
#ifndef NIBBLE_UNPACK_GLSL
#define NIBBLE_UNPACK_GLSL

// Four signed bytes as floats. Offset to unsigned (the top byte stays signed), masked in place and scaled by powers of
// two: exact on any device, without the shifts that are slow on some.
vec4 float_bytes(uint word) {
  const ivec4 masked = ivec4(int(word ^ 0x00808080u)) & ivec4(0xFF, 0xFF00, 0xFF0000, int(0xFF000000u));
  return fma(vec4(masked), vec4(1.0, 1.0 / 256.0, 1.0 / 65536.0, 1.0 / 16777216.0), vec4(-128.0, -128.0, -128.0, 0.0));
}
// The same left where they lie: (byte + 128) * 2^(8 * place), but the byte * 2^24 for the highest.
vec4 places_of(uint word) {
  return vec4(ivec4(int(word ^ 0x00808080u)) & ivec4(0xFF, 0xFF00, 0xFF0000, int(0xFF000000u)));
}
// And the counterpart, byte / 2^(8 * place): the product of the two is the product of the bytes, offset.
vec4 float_bytes_placed(uint word) {
  const ivec4 masked = ivec4(int(word ^ 0x00808080u)) & ivec4(0xFF, 0xFF00, 0xFF0000, int(0xFF000000u));
  return fma(vec4(masked), vec4(1.0, 1.0 / 65536.0, 1.0 / 4294967296.0, 1.0 / 281474976710656.0), vec4(-128.0, -0.5, -0.001953125, 0.0));
}
// Each times 2^24: brought to the top of a word by products, in place of shifts.
vec4 high_bytes(uint word) {
  const int v = int(word);
  const int top = int(0xFF000000u);
  return vec4(ivec4(v * 0x1000000, v * 0x10000 & top, v * 0x100 & top, v & top));
}
// The four signed nibbles in the low halves of the bytes.
vec4 float_low_nibbles(uint word) {
  const ivec4 masked = ivec4(int(word ^ 0x08080808u)) & ivec4(0xF, 0xF00, 0xF0000, 0xF000000);
  return fma(vec4(masked), vec4(1.0, 1.0 / 256.0, 1.0 / 65536.0, 1.0 / 16777216.0), vec4(-8.0));
}
// And in the high halves.
vec4 float_high_nibbles(uint word) {
  const ivec4 masked = ivec4(int(word ^ 0x00808080u)) & ivec4(0xF0, 0xF000, 0xF00000, int(0xF0000000u));
  return fma(vec4(masked), vec4(1.0 / 16.0, 1.0 / 4096.0, 1.0 / 1048576.0, 1.0 / 268435456.0),
             vec4(-8.0, -8.0, -8.0, 0.0));
}
ivec4 int_bytes(uint word) {
  const int v = int(word);
  return ivec4(bitfieldExtract(v, 0, 8), bitfieldExtract(v, 8, 8), bitfieldExtract(v, 16, 8), v >> 24);
}

ivec4 int_nibbles(uint word, int half_byte) {
  const int v = int(word);
  return ivec4(bitfieldExtract(v, half_byte, 4), bitfieldExtract(v, half_byte + 8, 4),
               bitfieldExtract(v, half_byte + 16, 4), bitfieldExtract(v, half_byte + 24, 4));
}

#endif

// The fixed-point arithmetic of the integer contract (engine/ops/INTEGER.md); the twin of engine/core/requantize.h.
#ifndef NIBBLE_QUANT_GLSL
#define NIBBLE_QUANT_GLSL

// value * multiplier * 2^-shift, ties away from zero, exact in 64 bits, saturated; shift in 1..62.
int requantize(int value, int multiplier, int shift) {
  const uint magnitude = value < 0 ? 0u - uint(value) : uint(value);
  uint high;
  uint low;
  umulExtended(magnitude, uint(multiplier), high, low);
  const uint half_bit = 1u << (uint(shift - 1) & 31u);
  const bool wide = shift > 32;  // the rounding term 2^(shift-1) lies in the high word
  uint carry;
  low = uaddCarry(low, wide ? 0u : half_bit, carry);
  high += carry + (wide ? half_bit : 0u);
  const uint part = uint(shift) & 31u;
  uint result;
  if (shift >= 32) {
    result = high >> part;
  } else {
    result = (high >> part) != 0u ? 0xFFFFFFFFu : (high << (32u - part)) | (low >> part);
  }
  const int limited = int(min(result, 0x7FFFFFFFu));
  return value < 0 ? -limited : limited;
}

ivec4 requantize(ivec4 value, ivec4 multiplier, ivec4 shift) {
  return ivec4(requantize(value.x, multiplier.x, shift.x), requantize(value.y, multiplier.y, shift.y),
               requantize(value.z, multiplier.z, shift.z), requantize(value.w, multiplier.w, shift.w));
}

// The same for shifts above 32 where no product lies halfway between two integers (kernels/conv_constants.cpp sees to that), so
// that rounding down after adding a half is rounding to nearest for either sign. The half and the result lie in the high
// word, floor(value * multiplier / 2^32), and floor(floor(a / 2^m) / 2^n) = floor(a / 2^(m + n)).
int requantize_short(int value, int multiplier, int shift) {
  int high;
  int low;
  imulExtended(value, multiplier, high, low);
  return ((high >> (shift - 33)) + 1) >> 1;
}
ivec4 requantize_short(ivec4 value, ivec4 multiplier, ivec4 shift) {
  return ivec4(requantize_short(value.x, multiplier.x, shift.x), requantize_short(value.y, multiplier.y, shift.y),
               requantize_short(value.z, multiplier.z, shift.z), requantize_short(value.w, multiplier.w, shift.w));
}

// The same with both shifts done in floats, for devices that shift lane by lane. Halves are multiples of 2^(shift - 33) in
// the high word, so that its lowest 8 bits say nothing from a shift of 41 on; without them it has 23 bits, and the quotient
// 24 with a half added. Before 41 a word of more than 24 bits is a quotient above 2^15, which any clamp to bytes cuts off.
struct FloatShift {
  vec4 factor;
  ivec4 mask;
};
FloatShift float_shift(ivec4 shift) {
  return FloatShift(uintBitsToFloat(uvec4(159 - shift) * 0x800000u), mix(ivec4(-1), ivec4(-256), greaterThan(shift, ivec4(40))));
}
ivec4 requantize_short(ivec4 value, ivec4 multiplier, FloatShift shift) {
  ivec4 high;
  ivec4 low;
  imulExtended(value, multiplier, high, low);
  return ivec4(floor(vec4(high & shift.mask) * shift.factor + 0.5));
}

// value * 2^-shift, ties away from zero; shift in 0..31.
int round_shift(int value, int shift) {
  const uint magnitude = value < 0 ? 0u - uint(value) : uint(value);
  const uint rounded = shift == 0 ? magnitude : (magnitude + (1u << uint(shift - 1))) >> uint(shift);
  return value < 0 ? -int(rounded) : int(rounded);
}

// clamp(value + zero_point, low, high) for any int32 value: the sum alone could overflow.
int add_zero_point(int value, int zero_point, int low, int high) {
  return clamp(value, low - zero_point, high - zero_point) + zero_point;
}
ivec4 add_zero_point(ivec4 value, int zero_point, int low, int high) {
  return clamp(value, low - zero_point, high - zero_point) + zero_point;
}

#endif

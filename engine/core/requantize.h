// The fixed-point arithmetic of the integer contract (ops/INTEGER.md): the one place on the C++ side.
// Its GLSL twin is shaders/lib/quant.glsl.
#pragma once

#include <cstdint>

namespace nibble {

// A positive real factor as multiplier * 2^-shift, multiplier in [2^30, 2^31) (or 0 for a factor of 0), shift in 1..62.
struct FixedMultiplier {
  int32_t multiplier = 0;
  int32_t shift = 1;
};

// The nearest such factor. Factors of 2^30 and more saturate, ones too small to matter become 0.
FixedMultiplier fixed_multiplier(double factor);

// value * multiplier * 2^-shift rounded to the nearest integer, ties away from zero, exact in 64 bits and saturated to
// int32. shift in 1..62.
int32_t requantize(int32_t value, int32_t multiplier, int32_t shift);

// value * 2^-shift rounded to the nearest integer, ties away from zero; shift in 0..31.
int32_t round_shift(int32_t value, int32_t shift);

// Factor for the mean of `count` integers from scale_in to scale_out: pooling and Reduce(mean).
FixedMultiplier mean_multiplier(float scale_in, float scale_out, int64_t count);

// clamp(zero_point + round_half_away(real / scale), min, max); NaN gives the zero point.
int32_t quantize(double real, float scale, int32_t zero_point, int32_t min, int32_t max);

}  // namespace nibble

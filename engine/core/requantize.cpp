#include "core/requantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nibble {

FixedMultiplier fixed_multiplier(double factor) {
  if (!(factor > 0.0)) return {0, 1};
  if (factor >= 0x1p30) return {std::numeric_limits<int32_t>::max(), 1};
  int exponent = 0;
  const double mantissa = std::frexp(factor, &exponent);  // [0.5, 1) * 2^exponent
  int64_t multiplier = std::llround(std::ldexp(mantissa, 31));
  if (multiplier == int64_t{1} << 31) {
    multiplier /= 2;
    ++exponent;
  }
  const int shift = 31 - exponent;
  if (shift < 1) return {std::numeric_limits<int32_t>::max(), 1};
  if (shift > 62) return {0, 1};  // below 2^-31: no int32 reaches one half
  return {static_cast<int32_t>(multiplier), shift};
}

int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  // |value| * multiplier < 2^62 and the rounding term <= 2^61: no overflow in unsigned 64 bits.
  const uint64_t magnitude =
      value < 0 ? uint64_t{0} - static_cast<uint64_t>(int64_t{value}) : static_cast<uint64_t>(value);
  const uint64_t rounded = (magnitude * static_cast<uint64_t>(multiplier) + (uint64_t{1} << (shift - 1))) >> shift;
  const auto limited = static_cast<int32_t>(std::min<uint64_t>(rounded, std::numeric_limits<int32_t>::max()));
  return value < 0 ? -limited : limited;
}

int32_t round_shift(int32_t value, int32_t shift) {
  if (shift == 0) return value;
  const int64_t half = int64_t{1} << (shift - 1);
  const int64_t magnitude = (std::abs(int64_t{value}) + half) >> shift;
  return static_cast<int32_t>(value < 0 ? -magnitude : magnitude);
}

FixedMultiplier mean_multiplier(float scale_in, float scale_out, int64_t count) {
  return fixed_multiplier(static_cast<double>(scale_in) /
                          (static_cast<double>(scale_out) * static_cast<double>(count)));
}

int32_t quantize(double real, float scale, int32_t zero_point, int32_t min, int32_t max) {
  if (std::isnan(real)) return std::clamp(zero_point, min, max);
  const double steps = std::clamp(std::round(real / static_cast<double>(scale)), -1e6, 1e6);
  return std::clamp(zero_point + static_cast<int32_t>(steps), min, max);
}

}  // namespace nibble

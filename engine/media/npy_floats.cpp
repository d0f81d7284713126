#include <bit>
#include <cmath>
#include <cstring>

#include "media/npy.h"

namespace nibble::media {
namespace {

template <class From>
std::vector<float> all_as_float(const NpyArray& array) {
  std::vector<float> out(array.elements());
  for (size_t i = 0; i < out.size(); ++i) {
    From value;
    std::memcpy(&value, array.data.data() + i * sizeof(From), sizeof(From));
    out[i] = static_cast<float>(value);
  }
  return out;
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits. Every value is exact in float32.
float float_of_half(uint16_t half) {
  const float sign = half & 0x8000 ? -1.0f : 1.0f;
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  if (exponent == 31) return mantissa ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

}  // namespace

std::vector<float> to_floats(const NpyArray& array) {
  switch (array.type) {
    case DType::f32: return all_as_float<float>(array);
    case DType::i8: return all_as_float<int8_t>(array);
    case DType::u8: return all_as_float<uint8_t>(array);
    case DType::i32: return all_as_float<int32_t>(array);
    case DType::i64: return all_as_float<int64_t>(array);
    case DType::boolean: {
      std::vector<float> out = all_as_float<uint8_t>(array);
      for (float& value : out) value = value != 0.0f ? 1.0f : 0.0f;
      return out;
    }
    case DType::f16: {
      std::vector<float> out(array.elements());
      for (size_t i = 0; i < out.size(); ++i) {
        uint16_t half;
        std::memcpy(&half, array.data.data() + 2 * i, 2);
        out[i] = float_of_half(half);
      }
      return out;
    }
    case DType::i4:
    case DType::lut4: break;  // never read from a file
  }
  return {};
}

}  // namespace nibble::media

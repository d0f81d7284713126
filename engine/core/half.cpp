#include "core/half.h"

#include <bit>

namespace nibble {
namespace {

constexpr uint32_t kFloatInfinity = 0x7F800000u;
constexpr uint32_t kHalfInfinity = 0x7C00u;
constexpr uint32_t kSmallestNormalHalf = 0x38800000u;  // 2^-14 as float
constexpr uint32_t kHalfOverflow = 0x47800000u;        // 2^16 as float
constexpr uint32_t kRebias = (127u - 15u) << 23;       // difference of the two exponent biases

}  // namespace

uint16_t half_from_float(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > kFloatInfinity)
    return static_cast<uint16_t>(sign | kHalfInfinity | 0x200u | (magnitude >> 13 & 0x1FFu));
  if (magnitude >= kHalfOverflow) return static_cast<uint16_t>(sign | kHalfInfinity);
  if (magnitude < kSmallestNormalHalf) {
    // Adding 0.5 leaves the subnormal half in the low mantissa bits (units of 2^-24), rounded by the FPU to even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f)));
  }
  const uint32_t odd = magnitude >> 13 & 1u;
  return static_cast<uint16_t>(sign | (magnitude - kRebias + 0xFFFu + odd) >> 13);
}

float float_from_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7FFFu;
  if (magnitude >= kHalfInfinity) return std::bit_cast<float>(sign | kFloatInfinity | (magnitude & 0x3FFu) << 13);
  if (magnitude >= 0x400u) return std::bit_cast<float>(sign | ((magnitude << 13) + kRebias));
  const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(subnormal));
}

}  // namespace nibble

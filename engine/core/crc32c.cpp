#include "core/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#define NBL_CRC32C_SSE42 1
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define NBL_CRC32C_ARM 1
#endif

namespace nibble {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78u;  // reflected
constexpr size_t kSlices = 8;

// table[k][b]: the effect of byte b followed by k zero bytes ("slicing by 8", M. Kounavis and F. Berry, 2005).
constexpr auto make_tables() {
  std::array<std::array<uint32_t, 256>, kSlices> out{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1u ? kPolynomial : 0u);
    out[0][b] = crc;
  }
  for (size_t k = 1; k < kSlices; ++k) {
    for (size_t b = 0; b < 256; ++b) out[k][b] = out[k - 1][b] >> 8 ^ out[0][out[k - 1][b] & 0xFFu];
  }
  return out;
}
constexpr auto kTables = make_tables();

uint64_t load64(const std::byte* from) {
  uint64_t out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}

#if defined(NBL_CRC32C_SSE42)
__attribute__((target("sse4.2"))) uint32_t by_instruction(std::span<const std::byte> bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint64_t state = ~crc;
  for (; left >= 8; left -= 8, at += 8) state = _mm_crc32_u64(state, load64(at));
  uint32_t out = static_cast<uint32_t>(state);
  for (; left > 0; --left, ++at) out = _mm_crc32_u8(out, static_cast<uint8_t>(*at));
  return ~out;
}
#elif defined(NBL_CRC32C_ARM)
uint32_t by_instruction(std::span<const std::byte> bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint32_t state = ~crc;
  for (; left >= 8; left -= 8, at += 8) state = __crc32cd(state, load64(at));
  for (; left > 0; --left, ++at) state = __crc32cb(state, static_cast<uint8_t>(*at));
  return ~state;
}
#endif

}  // namespace

uint32_t crc32c_by_tables(std::span<const std::byte> bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint32_t state = ~crc;
  for (; left >= kSlices; left -= kSlices, at += kSlices) {
    const uint64_t word = load64(at) ^ state;
    state = 0;
    for (size_t k = 0; k < kSlices; ++k) state ^= kTables[kSlices - 1 - k][word >> (8 * k) & 0xFFu];
  }
  for (; left > 0; --left, ++at) state = state >> 8 ^ kTables[0][(state ^ static_cast<uint8_t>(*at)) & 0xFFu];
  return ~state;
}

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
#if defined(NBL_CRC32C_SSE42)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return by_instruction(bytes, crc);
  return crc32c_by_tables(bytes, crc);
#elif defined(NBL_CRC32C_ARM)
  return by_instruction(bytes, crc);
#else
  return crc32c_by_tables(bytes, crc);
#endif
}

}  // namespace nibble

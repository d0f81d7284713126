// Elements of several bytes taken apart: all first bytes, then all second ones, and so on. Bytes of one plane are alike
// (exponents, high bytes), which entropy coding needs. Known as byte shuffling (Blosc, HDF5).
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace nibble {

// What is left behind the last whole element stays at the end. `from` and `to` have the same length and do not overlap.
inline void split_planes(std::span<const std::byte> from, size_t element_bytes, std::span<std::byte> to) {
  const size_t elements = from.size() / element_bytes, whole = elements * element_bytes;
  for (size_t plane = 0; plane < element_bytes; ++plane) {
    for (size_t i = 0; i < elements; ++i) to[plane * elements + i] = from[i * element_bytes + plane];
  }
  std::memcpy(to.data() + whole, from.data() + whole, from.size() - whole);
}

inline void join_planes(std::span<const std::byte> from, size_t element_bytes, std::span<std::byte> to) {
  const size_t elements = from.size() / element_bytes, whole = elements * element_bytes;
  for (size_t i = 0; i < elements; ++i) {
    for (size_t plane = 0; plane < element_bytes; ++plane) to[i * element_bytes + plane] = from[plane * elements + i];
  }
  std::memcpy(to.data() + whole, from.data() + whole, from.size() - whole);
}

}  // namespace nibble

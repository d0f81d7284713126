// Where a .nbl file keeps its numbers (FORMAT.md, "Header"), for tests that change them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "core/crc32c.h"

namespace nibble::test {

using Bytes = std::vector<std::byte>;

inline constexpr size_t kMajorAt = 8, kMinorAt = 10, kCountAt = 12, kLengthAt = 16, kCrcAt = 24, kTableAt = 32;
inline constexpr size_t kEntryBytes = 32, kFlagsAt = 4, kOffsetAt = 8, kBytesAt = 16, kSectionCrcAt = 24;

inline size_t entry(size_t section) { return kTableAt + section * kEntryBytes; }

// Nothing happens outside the file.
template <class T>
void put(Bytes& bytes, size_t at, T value) {
  if (at + sizeof(T) <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <class T>
T get(const Bytes& bytes, size_t at) {
  T out{};
  if (at + sizeof(T) <= bytes.size()) std::memcpy(&out, bytes.data() + at, sizeof(T));
  return out;
}

// Makes all checksums right again, as far as the table makes sense.
inline Bytes sealed(Bytes bytes) {
  if (bytes.size() < kTableAt) return bytes;
  const size_t count = std::min<size_t>(get<uint32_t>(bytes, kCountAt), (bytes.size() - kTableAt) / kEntryBytes);
  for (size_t i = 0; i < count; ++i) {
    const auto offset = get<uint64_t>(bytes, entry(i) + kOffsetAt), length = get<uint64_t>(bytes, entry(i) + kBytesAt);
    if (offset > bytes.size() || length > bytes.size() - offset) continue;
    put<uint32_t>(bytes, entry(i) + kSectionCrcAt, crc32c(std::span(bytes).subspan(offset, length)));
  }
  put<uint32_t>(bytes, kCrcAt, 0);
  put<uint32_t>(bytes, kCrcAt, crc32c(std::span(bytes).first(entry(count))));
  return bytes;
}

}  // namespace nibble::test

// Where constants lie in the DATA section: small ones together at multiples of 16 bytes, those of 4 KiB and more behind
// them at multiples of 256; identical ones once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "nibble/result.h"

namespace nibble {

inline constexpr uint64_t kDataUnit = 16;  // bytes; offsets are stored in these units

class DataLayout {
 public:
  // The bytes must stay where they are as long as this object is used.
  size_t add(std::span<const std::byte> bytes);

  // After the last add(): gives every piece its place.
  void place();
  uint64_t offset(size_t piece) const { return pieces_[piece].offset; }
  uint64_t bytes() const { return bytes_; }

  // Hands out the whole section in order.
  using Sink = std::function<Status(std::span<const std::byte>)>;
  Status write(const Sink& sink) const;

 private:
  struct Piece {
    std::span<const std::byte> bytes;
    uint64_t offset = 0;
  };
  std::vector<Piece> pieces_;  // distinct
  std::vector<size_t> order_;  // ascending by offset
  std::unordered_multimap<uint64_t, size_t> by_content_;
  uint64_t bytes_ = 0;
};

}  // namespace nibble

// Where constants lie in the DATA section: small ones together at multiples of 16 bytes, those of 4 KiB and more behind
// them at multiples of 256; of each, equal kinds together; identical ones once.
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

// Constants of the same kind lie side by side, which entropy coding gains from.
struct DataKind {
  uint32_t order = 0;          // of the kinds; any numbers
  uint32_t element_bytes = 1;  // 1, 2 or 4
};

// A part of the section that has one kind, with the padding behind it.
struct DataRun {
  uint64_t end = 0;  // where it ends; it begins where the one before it ends
  uint32_t element_bytes = 1;
};

class DataLayout {
 public:
  // The bytes must stay where they are as long as this object is used.
  size_t add(std::span<const std::byte> bytes, DataKind kind = {});

  // After the last add(): gives every piece its place.
  void place();
  uint64_t offset(size_t piece) const { return pieces_[piece].offset; }
  uint64_t bytes() const { return bytes_; }

  // The whole section as parts of one kind each.
  std::vector<DataRun> runs() const;

  // Hands out the whole section in order.
  using Sink = std::function<Status(std::span<const std::byte>)>;
  Status write(const Sink& sink) const;

 private:
  struct Piece {
    std::span<const std::byte> bytes;
    DataKind kind;
    uint64_t offset = 0;
  };
  std::vector<Piece> pieces_;  // distinct
  std::vector<size_t> order_;  // ascending by offset
  std::unordered_multimap<uint64_t, size_t> by_content_;
  uint64_t bytes_ = 0;
};

}  // namespace nibble

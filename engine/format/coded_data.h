// Section ZDAT: the constants of section DATA in fewer bytes, expanded once when a file is loaded (FORMAT.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/page_block.h"
#include "nibble/result.h"

namespace nibble {

enum class DataCoding : uint8_t { stored = 0, zstd = 1 };  // numbers are in files: append only

inline constexpr uint32_t kLargestDataChunk = 1 << 20;  // bytes it expands to
inline constexpr uint64_t kMostExpansion = 64;          // bytes that one byte of a chunk may stand for

// A part of DATA, coded by itself.
struct DataChunk {
  uint32_t bytes = 0;  // of DATA
  uint32_t coded_bytes = 0;
  DataCoding coding = DataCoding::stored;
  uint8_t element_bytes = 1;  // 2, 4: its elements lie in byte planes
};

// Offsets of the section's numbers: u64 bytes of DATA, u32 their checksum, u32 number of chunks; then a chunk's u32
// bytes, u32 coded bytes, u8 coding, u8 element bytes, u16 0; then the coded bytes of all chunks without gaps.
inline constexpr size_t kCodedHeaderBytes = 16, kCodedChunkBytes = 12;

struct CodedData {
  uint64_t bytes = 0;
  uint32_t crc = 0;
  std::vector<DataChunk> chunks;  // in the order of DATA
};

// Checks all numbers against each other and against the section's length; allocates a multiple of that only.
Result<CodedData> read_coded_data(std::span<const std::byte> section);

// True in builds that can expand zstd (CMake: NIBBLE_ZSTD).
bool can_expand_zstd();

// DATA expanded, for as long as its owner lives. Parts that are not read for a while can be handed back to the system
// and are expanded again before they are. Whoever releases a part sees to it that nobody reads it meanwhile.
class ExpandedData {
 public:
  // `owner` keeps the section alive. As expand_data() else.
  static Result<std::shared_ptr<const ExpandedData>> open(std::span<const std::byte> section,
                                                          std::shared_ptr<const void> owner);
  std::span<const std::byte> bytes() const { return block_.bytes(); }

  void release(std::span<const std::byte> part) const;
  // Expands the chunks again that have lost something to release() and that `part` reaches into. Not for several
  // threads at once.
  Status restore(std::span<const std::byte> part) const;

 private:
  ExpandedData() = default;
  // Chunks that `part` of bytes() reaches into: [first, last).
  std::pair<size_t, size_t> reached(std::span<const std::byte> part) const;

  PageBlock block_;
  std::span<const std::byte> section_;
  std::shared_ptr<const void> owner_;
  CodedData data_;
  std::vector<uint64_t> begin_, coded_begin_;  // of each chunk in DATA and in the section
  mutable std::vector<bool> incomplete_;
};

// DATA as it would lie in a file. At most kMostExpansion times the section's bytes are allocated, which is known to
// hold before anything is. Damage is an error (corrupt_file), a coding that this build lacks is unsupported_version.
Result<PageBlock> expand_data(std::span<const std::byte> section);

}  // namespace nibble

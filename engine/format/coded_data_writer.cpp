#include "format/coded_data_writer.h"

#include <algorithm>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "format/byte_planes.h"
#include "format/coded_data.h"

namespace nibble {
namespace {

template <class T>
void append(std::vector<std::byte>& out, T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), first, first + sizeof(T));
}

// Collects the layout's bytes to chunks that end with their run or when they are full.
class ChunkWriter {
 public:
  ChunkWriter(std::vector<DataRun> runs, const DataCompressor& compress)
      : runs_(std::move(runs)), compress_(compress) {}

  Status write(std::span<const std::byte> bytes) {
    crc_ = crc32c(bytes, crc_);
    while (!bytes.empty()) {
      const uint64_t left_in_run = runs_[run_].end - at_, left_in_chunk = kLargestDataChunk - pending_.size();
      const auto take = static_cast<size_t>(std::min<uint64_t>({bytes.size(), left_in_run, left_in_chunk}));
      pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
      at_ += take;
      bytes = bytes.subspan(take);
      if (take == left_in_run || take == left_in_chunk) NBL_CHECK(close());
      if (take == left_in_run) ++run_;
    }
    return {};
  }

  std::vector<std::byte> section() const {
    std::vector<std::byte> out;
    append<uint64_t>(out, at_);
    append<uint32_t>(out, crc_);
    append<uint32_t>(out, count_);
    out.insert(out.end(), table_.begin(), table_.end());
    out.insert(out.end(), coded_.begin(), coded_.end());
    return out;
  }

 private:
  struct Coded {
    uint8_t element_bytes;
    std::vector<std::byte> bytes;
  };

  // As it is or in byte planes: numbers that repeat gain from the one, numbers that are only near each other from the
  // other.
  Result<Coded> shorter() const {
    NBL_TRY(std::vector<std::byte> as_is, compress_(pending_));
    const size_t element_bytes = runs_[run_].element_bytes;
    if (element_bytes == 1) return Coded{1, std::move(as_is)};
    std::vector<std::byte> planes(pending_.size());
    split_planes(pending_, element_bytes, planes);
    NBL_TRY(planes, compress_(planes));
    if (as_is.size() <= planes.size()) return Coded{1, std::move(as_is)};
    return Coded{static_cast<uint8_t>(element_bytes), std::move(planes)};
  }

  Status close() {
    NBL_TRY(Coded coded, shorter());
    // A chunk of a few numbers over and over stays within what readers allow.
    const size_t least = (pending_.size() + kMostExpansion - 1) / kMostExpansion;
    if (coded.bytes.size() < least) coded.bytes.resize(least);
    const bool stored = coded.bytes.size() >= pending_.size();
    if (stored) coded = {1, pending_};
    append(table_, static_cast<uint32_t>(pending_.size()));
    append(table_, static_cast<uint32_t>(coded.bytes.size()));
    append(table_, stored ? DataCoding::stored : DataCoding::zstd);
    append(table_, coded.element_bytes);
    append<uint16_t>(table_, 0);
    coded_.insert(coded_.end(), coded.bytes.begin(), coded.bytes.end());
    ++count_;
    pending_.clear();
    return {};
  }

  const std::vector<DataRun> runs_;
  const DataCompressor& compress_;
  size_t run_ = 0;
  uint64_t at_ = 0;
  std::vector<std::byte> pending_, table_, coded_;
  uint32_t crc_ = 0, count_ = 0;
};

}  // namespace

Result<std::vector<std::byte>> encode_data(const DataLayout& layout, const DataCompressor& compress) {
  ChunkWriter writer(layout.runs(), compress);
  NBL_CHECK(layout.write([&](std::span<const std::byte> bytes) { return writer.write(bytes); }));
  return writer.section();
}

}  // namespace nibble

#include "format/coded_data.h"

#include <algorithm>
#include <cstring>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "format/byte_planes.h"

#if defined(NIBBLE_HAS_ZSTD)
#include <zstd.h>

// The library also decodes formats from before zstd 0.8, in 0.1 MB of code that a static link would take along. Files
// have none of them and their magic numbers are refused below, so these are never called; weak, so that a program which
// links the library for itself keeps its own.
#if defined(__GNUC__) && !defined(_WIN32)
#define NBL_LEFT_OUT(name) \
  __attribute__((weak)) size_t name() { return 0; }
#define NBL_LEFT_OUT_VERSION(v)                     \
  NBL_LEFT_OUT(ZBUFF##v##_createDCtx)               \
  NBL_LEFT_OUT(ZBUFF##v##_decompressContinue)       \
  NBL_LEFT_OUT(ZBUFF##v##_decompressInitDictionary) \
  NBL_LEFT_OUT(ZBUFF##v##_freeDCtx)                 \
  NBL_LEFT_OUT(ZSTD##v##_createDCtx)                \
  NBL_LEFT_OUT(ZSTD##v##_decompress_usingDict)      \
  NBL_LEFT_OUT(ZSTD##v##_findFrameSizeInfoLegacy)   \
  NBL_LEFT_OUT(ZSTD##v##_freeDCtx)                  \
  NBL_LEFT_OUT(ZSTD##v##_getFrameParams)
extern "C" {
NBL_LEFT_OUT_VERSION(v05)
NBL_LEFT_OUT_VERSION(v06)
NBL_LEFT_OUT_VERSION(v07)
}
#endif
#endif

namespace nibble {
namespace {

using ull = unsigned long long;

Error corrupt(std::string message) { return Error{Code::corrupt_file, "section ZDAT: " + std::move(message)}; }

template <class T>
T load(std::span<const std::byte> bytes, size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof(T));
  return out;
}

Result<DataChunk> read_chunk(std::span<const std::byte> entry) {
  const auto coding = load<uint8_t>(entry, 8), element_bytes = load<uint8_t>(entry, 9);
  const DataChunk out{load<uint32_t>(entry, 0), load<uint32_t>(entry, 4), static_cast<DataCoding>(coding),
                      element_bytes};
  if (coding > static_cast<uint8_t>(DataCoding::zstd) || load<uint16_t>(entry, 10) != 0) {
    return Error{Code::unsupported_version,
                 format("section ZDAT: coding %u is not known to this version of nibble", coding)};
  }
  if (element_bytes != 1 && element_bytes != 2 && element_bytes != 4) {
    return corrupt(format("a chunk has elements of %u bytes, expected 1, 2 or 4", element_bytes));
  }
  if (out.bytes == 0 || out.bytes > kLargestDataChunk) {
    return corrupt(format("a chunk stands for %u bytes, expected 1 to %u", out.bytes, kLargestDataChunk));
  }
  if (out.coding == DataCoding::stored && out.coded_bytes != out.bytes) {
    return corrupt(format("a stored chunk of %u bytes has %u", out.bytes, out.coded_bytes));
  }
  if (out.bytes > kMostExpansion * out.coded_bytes) {
    return corrupt(format("a chunk of %u bytes stands for %u, more than %llu for one", out.coded_bytes, out.bytes,
                          static_cast<ull>(kMostExpansion)));
  }
  return out;
}

#if defined(NIBBLE_HAS_ZSTD)

// One frame and nothing but zeros behind it; it must give as many bytes as `out` has.
class Decompressor {
 public:
  Decompressor() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {}

  Status expand(std::span<const std::byte> coded, std::span<std::byte> out) {
    if (!context_) return Error{Code::out_of_memory, "no memory to expand section ZDAT"};
    // Formats before zstd 0.8 are left alone: the library may know them, the file format does not.
    if (coded.size() < 4 || load<uint32_t>(coded, 0) != ZSTD_MAGICNUMBER) return corrupt("a chunk is no zstd frame");
    const size_t frame = ZSTD_findFrameCompressedSize(coded.data(), coded.size());
    if (ZSTD_isError(frame) || frame > coded.size()) return corrupt("a chunk's zstd frame is cut off");
    const auto rest = coded.subspan(frame);
    if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; })) {
      return corrupt("there are stray bytes behind a chunk");
    }
    const size_t got = ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), coded.data(), frame);
    if (ZSTD_isError(got)) return corrupt(format("a chunk cannot be expanded: %s", ZSTD_getErrorName(got)));
    if (got != out.size()) return corrupt(format("a chunk has %zu bytes, expected %zu", got, out.size()));
    return {};
  }

 private:
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
};

#else

class Decompressor {
 public:
  Status expand(std::span<const std::byte>, std::span<std::byte>) {
    return Error{Code::unsupported_version,
                 "its constants are compressed with zstd, which this build of nibble leaves out (NIBBLE_ZSTD)"};
  }
};

#endif

// Expands chunk after chunk; memory beside the result is one chunk.
class Expander {
 public:
  Status expand(const DataChunk& chunk, std::span<const std::byte> coded, std::span<std::byte> out) {
    if (chunk.element_bytes == 1) return expand_bytes(chunk, coded, out);
    planes_.resize(chunk.bytes);
    NBL_CHECK(expand_bytes(chunk, coded, planes_));
    join_planes(planes_, chunk.element_bytes, out);
    return {};
  }

 private:
  Status expand_bytes(const DataChunk& chunk, std::span<const std::byte> coded, std::span<std::byte> out) {
    if (chunk.coding == DataCoding::zstd) return decompressor_.expand(coded, out);
    std::memcpy(out.data(), coded.data(), out.size());
    return {};
  }

  Decompressor decompressor_;
  std::vector<std::byte> planes_;
};

}  // namespace

bool can_expand_zstd() {
#if defined(NIBBLE_HAS_ZSTD)
  return true;
#else
  return false;
#endif
}

Result<CodedData> read_coded_data(std::span<const std::byte> section) {
  if (section.size() < kCodedHeaderBytes) return corrupt("is cut off");
  CodedData out{load<uint64_t>(section, 0), load<uint32_t>(section, 8), {}};
  const auto count = load<uint32_t>(section, 12);
  if (count > (section.size() - kCodedHeaderBytes) / kCodedChunkBytes) return corrupt("ends inside its table");
  out.chunks.reserve(count);
  uint64_t bytes = 0, coded = kCodedHeaderBytes + uint64_t{count} * kCodedChunkBytes;
  for (size_t i = 0; i < count; ++i) {
    NBL_TRY(const DataChunk chunk, read_chunk(section.subspan(kCodedHeaderBytes + i * kCodedChunkBytes)));
    bytes += chunk.bytes;
    coded += chunk.coded_bytes;
    out.chunks.push_back(chunk);
  }
  if (coded != section.size()) {
    return corrupt(format("its parts have %llu bytes, expected %zu", static_cast<ull>(coded), section.size()));
  }
  if (bytes != out.bytes) {
    return corrupt(
        format("its chunks stand for %llu bytes, expected %llu", static_cast<ull>(bytes), static_cast<ull>(out.bytes)));
  }
  return out;
}

Result<std::shared_ptr<const ExpandedData>> ExpandedData::open(std::span<const std::byte> section,
                                                               std::shared_ptr<const void> owner) {
  std::shared_ptr<ExpandedData> out(new ExpandedData);
  NBL_TRY(out->block_, expand_data(section));
  NBL_TRY(out->data_, read_coded_data(section));
  out->section_ = section;
  out->owner_ = std::move(owner);
  uint64_t at = 0, coded = kCodedHeaderBytes + out->data_.chunks.size() * kCodedChunkBytes;
  for (const DataChunk& chunk : out->data_.chunks) {
    out->begin_.push_back(at), out->coded_begin_.push_back(coded);
    at += chunk.bytes, coded += chunk.coded_bytes;
  }
  out->incomplete_.assign(out->data_.chunks.size(), false);
  return std::shared_ptr<const ExpandedData>(std::move(out));
}

std::pair<size_t, size_t> ExpandedData::reached(std::span<const std::byte> part) const {
  if (part.empty() || part.data() < block_.bytes().data()) return {0, 0};
  const auto from = static_cast<uint64_t>(part.data() - block_.bytes().data());
  if (from >= data_.bytes) return {0, 0};
  const auto first = std::upper_bound(begin_.begin(), begin_.end(), from) - begin_.begin() - 1;
  const auto last = std::lower_bound(begin_.begin(), begin_.end(), from + part.size()) - begin_.begin();
  return {static_cast<size_t>(first), static_cast<size_t>(last)};
}

void ExpandedData::release(std::span<const std::byte> part) const {
  const auto [first, last] = reached(part);
  if (first == last) return;
  block_.drop(part);
  std::fill(incomplete_.begin() + static_cast<std::ptrdiff_t>(first),
            incomplete_.begin() + static_cast<std::ptrdiff_t>(last), true);
}

Status ExpandedData::restore(std::span<const std::byte> part) const {
  const auto [first, last] = reached(part);
  Expander expander;
  for (size_t i = first; i < last; ++i) {
    if (!incomplete_[i]) continue;
    const DataChunk& chunk = data_.chunks[i];
    NBL_CHECK(expander.expand(chunk, section_.subspan(static_cast<size_t>(coded_begin_[i]), chunk.coded_bytes),
                              block_.bytes().subspan(static_cast<size_t>(begin_[i]), chunk.bytes)));
    incomplete_[i] = false;
  }
  return {};
}

Result<PageBlock> expand_data(std::span<const std::byte> section) {
  NBL_TRY(const CodedData data, read_coded_data(section));
  NBL_TRY(PageBlock block, PageBlock::allocate(data.bytes));
  std::span<std::byte> out = block.bytes();
  std::span<const std::byte> coded = section.subspan(kCodedHeaderBytes + data.chunks.size() * kCodedChunkBytes);
  Expander expander;
  for (const DataChunk& chunk : data.chunks) {
    NBL_CHECK(expander.expand(chunk, coded.first(chunk.coded_bytes), out.first(chunk.bytes)));
    coded = coded.subspan(chunk.coded_bytes);
    out = out.subspan(chunk.bytes);
  }
  if (crc32c(block.bytes()) != data.crc) return corrupt("the checksum of what it stands for is wrong");
  return block;
}

}  // namespace nibble

#include "format/data_layout.h"

#include <algorithm>
#include <array>

#include "core/crc32c.h"
#include "core/try.h"

namespace nibble {
namespace {

constexpr size_t kLargePiece = 4096;
constexpr uint64_t kLargeAlignment = 256;

}  // namespace

size_t DataLayout::add(std::span<const std::byte> bytes) {
  const uint64_t key = uint64_t{crc32c(bytes)} << 32 ^ bytes.size();
  const auto [first, last] = by_content_.equal_range(key);
  for (auto it = first; it != last; ++it) {
    if (std::ranges::equal(pieces_[it->second].bytes, bytes)) return it->second;
  }
  pieces_.push_back({bytes, 0});
  by_content_.emplace(key, pieces_.size() - 1);
  return pieces_.size() - 1;
}

void DataLayout::place() {
  order_.clear();
  bytes_ = 0;
  for (bool large : {false, true}) {
    const uint64_t alignment = large ? kLargeAlignment : kDataUnit;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      if ((piece.bytes.size() >= kLargePiece) != large) continue;
      piece.offset = (bytes_ + alignment - 1) / alignment * alignment;
      bytes_ = piece.offset + piece.bytes.size();
      order_.push_back(i);
    }
  }
}

Status DataLayout::write(const Sink& sink) const {
  static constexpr std::array<std::byte, kLargeAlignment> kZeros{};
  uint64_t at = 0;
  for (size_t i : order_) {
    const Piece& piece = pieces_[i];
    NBL_CHECK(sink(std::span(kZeros).first(static_cast<size_t>(piece.offset - at))));
    NBL_CHECK(sink(piece.bytes));
    at = piece.offset + piece.bytes.size();
  }
  return {};
}

}  // namespace nibble

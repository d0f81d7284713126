#include "format/data_layout.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "core/crc32c.h"
#include "core/try.h"

namespace nibble {
namespace {

constexpr size_t kLargePiece = 4096;
constexpr uint64_t kLargeAlignment = 256;

}  // namespace

size_t DataLayout::add(std::span<const std::byte> bytes, DataKind kind) {
  const uint64_t key = uint64_t{crc32c(bytes)} << 32 ^ bytes.size();
  const auto [first, last] = by_content_.equal_range(key);
  for (auto it = first; it != last; ++it) {
    if (std::ranges::equal(pieces_[it->second].bytes, bytes)) return it->second;
  }
  pieces_.push_back({bytes, kind, 0});
  by_content_.emplace(key, pieces_.size() - 1);
  return pieces_.size() - 1;
}

void DataLayout::place() {
  order_.resize(pieces_.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  const auto is_large = [&](size_t i) { return pieces_[i].bytes.size() >= kLargePiece; };
  std::ranges::stable_sort(order_, {}, [&](size_t i) { return std::pair(is_large(i), pieces_[i].kind.order); });
  bytes_ = 0;
  for (size_t i : order_) {
    const uint64_t alignment = is_large(i) ? kLargeAlignment : kDataUnit;
    pieces_[i].offset = (bytes_ + alignment - 1) / alignment * alignment;
    bytes_ = pieces_[i].offset + pieces_[i].bytes.size();
  }
}

std::vector<DataRun> DataLayout::runs() const {
  std::vector<DataRun> out;
  for (size_t k = 0; k < order_.size(); ++k) {
    const Piece& piece = pieces_[order_[k]];
    const bool last = k + 1 == order_.size();
    const uint64_t end = last ? bytes_ : pieces_[order_[k + 1]].offset;
    if (end == (out.empty() ? 0 : out.back().end)) continue;
    if (k > 0 && !out.empty() && pieces_[order_[k - 1]].kind.order == piece.kind.order) {
      out.back().end = end;
    } else {
      out.push_back({end, piece.kind.element_bytes});
    }
  }
  return out;
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

#include "runtime/arena_planner.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "core/text.h"

namespace nibble {
namespace {

struct Range {
  uint64_t begin = 0, end = 0;
};

// Above this many buffers the search that looks at every pair is left out, and it looks at no more than this many pairs
// after its first round: a file with a million tensors must not hang the planner.
constexpr size_t kMostForPairs = 8192;
constexpr size_t kMostPairs = size_t{1} << 24;
constexpr size_t kMostRounds = 64;

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first_use <= b.last_use && b.first_use <= a.last_use; }

// Even an empty buffer gets an address of its own: Vulkan binds no empty ranges.
uint64_t padded(const Lifetime& life, uint64_t alignment) {
  return align_up(std::max<uint64_t>(life.bytes, 1), alignment);
}

// The smallest gap between `taken` (sorted by begin) that holds `bytes`, else the end, as long as it fits the limit.
constexpr uint64_t kNoPlace = UINT64_MAX;
uint64_t best_gap(std::span<const Range> taken, uint64_t bytes, uint64_t limit) {
  uint64_t best = kNoPlace, best_size = UINT64_MAX, end = 0;
  for (const Range& range : taken) {
    if (range.begin > end && range.begin - end >= bytes && range.begin - end < best_size) {
      best = end;
      best_size = range.begin - end;
    }
    end = std::max(end, range.end);
  }
  if (best == kNoPlace && limit - std::min(limit, end) >= bytes) best = end;
  return best;
}

// Each buffer in the given order takes the smallest gap that it finds between those placed before it.
ArenaLayout place_in_order(std::span<const Lifetime> lifetimes, std::span<const size_t> order, uint64_t alignment,
                           uint64_t limit) {
  ArenaLayout layout;
  layout.places.resize(lifetimes.size());
  std::vector<std::vector<size_t>> placed;  // by block
  std::vector<Range> taken;
  for (size_t index : order) {
    const uint64_t bytes = padded(lifetimes[index], alignment);
    uint64_t offset = kNoPlace;
    size_t block = 0;
    for (; block < placed.size(); ++block) {
      taken.clear();
      for (size_t other : placed[block]) {
        if (!overlap(lifetimes[index], lifetimes[other])) continue;
        const uint64_t begin = layout.places[other].offset;
        taken.push_back({begin, begin + padded(lifetimes[other], alignment)});
      }
      std::sort(taken.begin(), taken.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
      offset = best_gap(taken, bytes, limit);
      if (offset != kNoPlace) break;
    }
    if (offset == kNoPlace) {
      placed.emplace_back();
      layout.block_bytes.push_back(0);
      offset = 0;
    }
    placed[block].push_back(index);
    layout.places[index] = {static_cast<int32_t>(block), offset};
    layout.block_bytes[block] = std::max(layout.block_bytes[block], offset + bytes);
  }
  return layout;
}

// Largest first: big buffers settle the outline, small ones fill its gaps.
std::vector<size_t> by_size(std::span<const Lifetime> lifetimes) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Lifetime &x = lifetimes[a], &y = lifetimes[b];
    if (x.bytes != y.bytes) return x.bytes > y.bytes;
    return x.first_use != y.first_use ? x.first_use < y.first_use : a < b;
  });
  return order;
}

// Starts by size and then lets the buffer that sticks out furthest choose first, as long as that may still help.
ArenaLayout search_orders(std::span<const Lifetime> lifetimes, uint64_t alignment, uint64_t limit, uint64_t least) {
  std::vector<size_t> order = by_size(lifetimes);
  ArenaLayout best = place_in_order(lifetimes, order, alignment, limit);
  ArenaLayout layout = best;
  const size_t rounds =
      lifetimes.empty() ? 0 : std::min(kMostRounds, kMostPairs / (lifetimes.size() * lifetimes.size()));
  for (size_t round = 0; round < rounds && best.total_bytes() > least; ++round) {
    const auto top = [&](size_t index) {
      const ArenaPlace& place = layout.places[index];
      return std::pair(place.block, place.offset + padded(lifetimes[index], alignment));
    };
    const auto highest =
        std::max_element(order.begin(), order.end(), [&](size_t a, size_t b) { return top(a) < top(b); });
    std::rotate(order.begin(), highest, highest + 1);
    layout = place_in_order(lifetimes, order, alignment, limit);
    if (layout.total_bytes() < best.total_bytes()) best = layout;
  }
  return best;
}

// Free gaps of one block, by offset and by size, merged with their neighbours.
class FreeGaps {
 public:
  explicit FreeGaps(uint64_t limit) { add(0, limit); }

  // The smallest gap that holds `bytes` (the lowest of equal ones), or kNoPlace. The gap at the end counts as the
  // largest, so it is used last.
  uint64_t take(uint64_t bytes) {
    const auto found = by_size_.lower_bound({bytes, 0});
    if (found == by_size_.end()) return kNoPlace;
    const auto [size, offset] = *found;
    by_size_.erase(found);
    by_offset_.erase(offset);
    if (size > bytes) add(offset + bytes, size - bytes);
    return offset;
  }

  void give(uint64_t offset, uint64_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + bytes) {
      bytes += next->second;
      next = remove(next);
    }
    if (next != by_offset_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        offset = before->first;
        bytes += before->second;
        remove(before);
      }
    }
    add(offset, bytes);
  }

 private:
  using ByOffset = std::map<uint64_t, uint64_t>;
  void add(uint64_t offset, uint64_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  ByOffset::iterator remove(ByOffset::iterator gap) {
    by_size_.erase({gap->second, gap->first});
    return by_offset_.erase(gap);
  }

  ByOffset by_offset_;
  std::set<std::pair<uint64_t, uint64_t>> by_size_;
};

// In the order of the run, as an allocator would: n log n, and now and then better than by size.
ArenaLayout place_by_time(std::span<const Lifetime> lifetimes, uint64_t alignment, uint64_t limit) {
  std::vector<size_t> by_start(lifetimes.size());
  std::iota(by_start.begin(), by_start.end(), size_t{0});
  std::vector<size_t> by_end = by_start;
  std::stable_sort(by_start.begin(), by_start.end(), [&](size_t a, size_t b) {
    const Lifetime &x = lifetimes[a], &y = lifetimes[b];
    return x.first_use != y.first_use ? x.first_use < y.first_use : x.bytes > y.bytes;
  });
  std::stable_sort(by_end.begin(), by_end.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].last_use < lifetimes[b].last_use; });
  ArenaLayout layout;
  layout.places.resize(lifetimes.size());
  std::vector<FreeGaps> blocks;
  size_t ended = 0;
  for (size_t index : by_start) {
    for (; ended < by_end.size() && lifetimes[by_end[ended]].last_use < lifetimes[index].first_use; ++ended) {
      const ArenaPlace& place = layout.places[by_end[ended]];
      blocks[static_cast<size_t>(place.block)].give(place.offset, padded(lifetimes[by_end[ended]], alignment));
    }
    const uint64_t bytes = padded(lifetimes[index], alignment);
    uint64_t offset = kNoPlace;
    size_t block = 0;
    while (block < blocks.size() && (offset = blocks[block].take(bytes)) == kNoPlace) ++block;
    if (offset == kNoPlace) {
      blocks.emplace_back(limit);
      layout.block_bytes.push_back(0);
      offset = blocks.back().take(bytes);
    }
    layout.places[index] = {static_cast<int32_t>(block), offset};
    layout.block_bytes[block] = std::max(layout.block_bytes[block], offset + bytes);
  }
  return layout;
}

}  // namespace

uint64_t align_up(uint64_t bytes, uint64_t alignment) { return (bytes + alignment - 1) & ~(alignment - 1); }

uint64_t ArenaLayout::total_bytes() const {
  return std::accumulate(block_bytes.begin(), block_bytes.end(), uint64_t{0});
}

uint64_t largest_live_bytes(std::span<const Lifetime> lifetimes, uint64_t alignment) {
  // At equal steps a start comes before an end: both steps are inclusive.
  std::vector<std::pair<int64_t, int64_t>> events;
  for (const Lifetime& life : lifetimes) {
    const auto bytes = static_cast<int64_t>(padded(life, alignment));
    events.push_back({life.first_use, bytes});
    events.push_back({int64_t{life.last_use} + 1, -bytes});
  }
  std::sort(events.begin(), events.end());
  int64_t live = 0, most = 0;
  for (const auto& [step, bytes] : events) most = std::max(most, live += bytes);
  return static_cast<uint64_t>(most);
}

Result<ArenaLayout> plan_arena(std::span<const Lifetime> lifetimes, uint64_t alignment, uint64_t block_limit) {
  const uint64_t limit = block_limit & ~(alignment - 1);
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    if (lifetimes[i].bytes <= limit) continue;
    return Error{Code::unsupported_device,
                 format("buffer %zu needs %llu bytes, the device allows %llu in one buffer", i,
                        static_cast<unsigned long long>(lifetimes[i].bytes), static_cast<unsigned long long>(limit))};
  }
  const uint64_t least = largest_live_bytes(lifetimes, alignment);
  ArenaLayout by_time = place_by_time(lifetimes, alignment, limit);
  if (by_time.total_bytes() == least || lifetimes.size() > kMostForPairs) return by_time;
  ArenaLayout searched = search_orders(lifetimes, alignment, limit, least);
  return searched.total_bytes() <= by_time.total_bytes() ? searched : by_time;
}

}  // namespace nibble

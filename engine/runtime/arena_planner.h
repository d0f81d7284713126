// Places buffers that live for a part of a run in as little memory as it finds: two buffers may share bytes when no
// step needs both. Pure: no device, no graph.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nibble/result.h"

namespace nibble {

// One buffer: its size and the first and the last step that touches it, both inclusive.
struct Lifetime {
  uint64_t bytes = 0;
  int32_t first_use = 0;
  int32_t last_use = 0;
};

struct ArenaPlace {
  int32_t block = 0;
  uint64_t offset = 0;  // bytes; a multiple of the alignment
  bool operator==(const ArenaPlace&) const = default;
};

struct ArenaLayout {
  std::vector<ArenaPlace> places;     // one for each lifetime, in their order
  std::vector<uint64_t> block_bytes;  // device buffers needed, none above the limit
  uint64_t total_bytes() const;
};

// Spreads the buffers over blocks of at most `block_limit` bytes. `alignment` is a power of two. Fails when one buffer
// alone is larger than a block may be; the message holds both numbers and the buffer's index.
Result<ArenaLayout> plan_arena(std::span<const Lifetime> lifetimes, uint64_t alignment, uint64_t block_limit);

// Most bytes (each rounded up to the alignment) that any single step needs alive: no layout can be smaller.
uint64_t largest_live_bytes(std::span<const Lifetime> lifetimes, uint64_t alignment);

uint64_t align_up(uint64_t bytes, uint64_t alignment);

}  // namespace nibble

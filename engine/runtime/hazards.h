// Which steps of a plan must wait for earlier ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nibble {

// A range of device memory that a step touches. Ranges of different `memory` never overlap.
struct Touch {
  int64_t memory = 0;
  uint64_t begin = 0, end = 0;  // bytes
  bool write = false;
};

// For each step (its touches): 1 when it reads what was written, or writes what was read or written, since the last
// barrier. A full barrier in front of such a step orders everything before it.
std::vector<uint8_t> find_barriers(std::span<const std::vector<Touch>> steps);

}  // namespace nibble

// The least time that a step can take on a device whose ceilings are known.
#pragma once

#include <cstdint>

#include "tools/bench_ceilings.h"

namespace nibble::tools {

// What a step does; which arithmetic its multiply-adds need.
struct StepWork {
  enum class Arithmetic : uint8_t { fp32, fp16, int8 };
  Arithmetic arithmetic = Arithmetic::fp32;
  uint64_t multiply_adds = 0;
  uint64_t bytes = 0;  // of all buffers that it reads and writes
  // Weights that are unpacked to floats, each at least once; 0 where they are multiplied as they are.
  uint64_t unpacked_int8 = 0, unpacked_int4 = 0;
  bool waits = false;  // for the step before it
};

// What keeps a step from being faster.
enum class Bound : uint8_t { fp32, fp16, int8, unpack, bandwidth, dispatch };
const char* to_string(Bound bound);

// The longest of: multiply-adds at their ceiling, unpacking at its own, bytes at the better bandwidth; and one dispatch
// on top. `bound` names the longest of all four.
struct Floor {
  double ns = 0;
  Bound bound = Bound::dispatch;
};
Floor step_floor(const Ceilings& ceilings, const StepWork& work);

}  // namespace nibble::tools

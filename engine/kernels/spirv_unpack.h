// Kernels lie in the library as what sets them apart from one another and are unpacked when a pipeline needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nibble/result.h"

namespace nibble {

// One packed module of SPIR-V. It continues its base: the decoder starts from what it knew and had written at the end
// of that one.
struct PackedSpirv {
  uint32_t begin = 0, end = 0;  // its bytes among those of all
  uint32_t form_bytes = 0;      // of the form between the packed one and SPIR-V
  uint32_t words = 0;           // of SPIR-V
  int32_t base = -1;            // index of another module; -1: it starts from nothing
};

struct PackedModules {
  std::span<const uint8_t> bytes;
  std::span<const PackedSpirv> modules;
};

// How many modules may continue one another, so that none takes long.
inline constexpr size_t kLongestPackedChain = 3;

// The words of module `index`. Anything that is no packed module gives an internal error, without reading or writing
// out of bounds and without allocating more than the sizes in `packed` say.
Result<std::vector<uint32_t>> unpack_spirv(const PackedModules& packed, size_t index);

}  // namespace nibble

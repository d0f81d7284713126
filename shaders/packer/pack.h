// The writing half of engine/kernels/spirv_unpack.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/lz_models.h"
#include "kernels/spirv_unpack.h"

namespace nibble {

// SPIR-V as bytes that repeat. Empty for what is no module: a bad magic number, or an instruction that leaves it.
std::vector<uint8_t> spirv_bytes(std::span<const uint32_t> spirv);

// A byte sequence packed as a continuation of what `models` and `window` (all bytes before it) hold. Both are advanced.
std::vector<uint8_t> pack_bytes(std::span<const uint8_t> bytes, LzModels& models, std::vector<uint8_t>& window);

struct NamedSpirv {
  std::string family;
  std::vector<uint32_t> words;
};

// All modules, each on the base that makes it smallest: the first module of its family or of another one.
struct PackedSet {
  std::vector<uint8_t> bytes;
  std::vector<PackedSpirv> modules;
  PackedModules view() const { return {bytes, modules}; }
};
// invalid_argument names the index of what is no module of SPIR-V.
Result<PackedSet> pack_modules(std::span<const NamedSpirv> modules);

}  // namespace nibble

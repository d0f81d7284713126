#include "kernels/kernel_table.h"

#include <iterator>

#include "core/crc32c.h"
#include "params.h"

namespace nibble {
namespace {

#include "kernel_code.inc"

constexpr Kernel kRows[] = {
#define NBL_KERNEL(family, name, weights, activations, output, needs, path, push)                      \
  Kernel{Family::family, #name, {ElementType::weights, ElementType::activations, ElementType::output}, \
         needs,          path,  sizeof(params::push)},
#include "kernel_rows.inc"
#undef NBL_KERNEL
};
static_assert(std::size(kRows) == std::size(kPackedModules));

// Rows that this build leaves out, for messages.
constexpr Kernel kAbsent[] = {
    Kernel{},
#define NBL_KERNEL(family, name, weights, activations, output) \
  Kernel{Family::family, #name, {ElementType::weights, ElementType::activations, ElementType::output}},
#include "kernel_absent.inc"
#undef NBL_KERNEL
};

constexpr const char* kFamilyNames[] = {
#define NBL_FAMILY(name) #name,
#include "kernels/families.inc"
#undef NBL_FAMILY
};

}  // namespace

std::span<const Kernel> kernel_table() { return kRows; }

std::span<const Kernel> absent_kernels() { return std::span(kAbsent).subspan(1); }

PackedModules packed_kernels() { return {kPackedBytes, kPackedModules}; }

Result<std::vector<uint32_t>> kernel_code(int32_t kernel) {
  return unpack_spirv(packed_kernels(), static_cast<size_t>(kernel));
}

uint64_t kernel_table_hash() {
  // FNV-1a (Fowler, Noll, Vo) over checksums and sizes in place of bytes.
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (size_t i = 0; i < std::size(kRows); ++i) {
    mix(crc32c(std::as_bytes(std::span(kRows[i].name))));
    mix(kPackedModules[i].words);
  }
  mix(std::size(kPackedBytes));
  mix(crc32c(std::as_bytes(std::span(kPackedBytes))));
  return hash;
}

const char* to_string(Family family) { return kFamilyNames[static_cast<size_t>(family)]; }

const char* to_string(ElementType type) {
  constexpr const char* kNames[] = {"any", "f32", "f16", "i8", "i4", "u8", "i32", "lut4"};
  return kNames[static_cast<size_t>(type)];
}

}  // namespace nibble

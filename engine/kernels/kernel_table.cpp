#include "kernels/kernel_table.h"

#include "params.h"

namespace nibble {
namespace {

#include "kernel_spirv.inc"

constexpr Kernel kRows[] = {
#define NBL_KERNEL(family, name, weights, activations, output, needs, path, push)                      \
  Kernel{Family::family, #name, {ElementType::weights, ElementType::activations, ElementType::output}, \
         needs,          path,  sizeof(params::push),                                                  \
         name##_spv},
#include "kernel_rows.inc"
#undef NBL_KERNEL
};

constexpr const char* kFamilyNames[] = {
#define NBL_FAMILY(name) #name,
#include "kernels/families.inc"
#undef NBL_FAMILY
};

}  // namespace

std::span<const Kernel> kernel_table() { return kRows; }

const char* to_string(Family family) { return kFamilyNames[static_cast<size_t>(family)]; }

const char* to_string(ElementType type) {
  constexpr const char* kNames[] = {"any", "f32", "f16", "i8", "i4", "u8", "i32"};
  return kNames[static_cast<size_t>(type)];
}

}  // namespace nibble

// Drops what a specialized shader can never reach.
//
// Drivers do that too, but only after they have read, inlined and kept all of it: a kernel for every activation and size
// costs each of its pipelines memory and time for those it was not specialized for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nibble::gpu {

// `spirv` is a valid module whose specialization constants were replaced (see specialize.h). Selections on a constant
// become branches to the side that is taken, the blocks and functions that nothing reaches any more go. Loops and
// switches stay as they are. What it does not understand comes back unchanged.
std::vector<uint32_t> remove_dead_code(std::span<const uint32_t> spirv);

}  // namespace nibble::gpu

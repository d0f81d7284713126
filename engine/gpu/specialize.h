// Writes specialization constants into SPIR-V as plain constants.
//
// Vulkan can do that itself, but SwiftShader hands shaders to its optimizer before the values are known: every branch
// on a specialization constant (a tile's size, the fused activation) then stays in the code and runs under a mask. A
// 3x3 convolution was seven times slower that way and took 17 s to compile. With plain constants such branches fold
// away.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpu/pipeline.h"

namespace nibble::gpu {

// `spirv` is a valid module; ids that `constants` does not name keep their defaults. Operations on constants
// (OpSpecConstantOp) are folded where they are of 32 bits or bool and of a kind shaders here use, else left as they
// are.
std::vector<uint32_t> specialize(std::span<const uint32_t> spirv, std::span<const SpecConstant> constants);

}  // namespace nibble::gpu

// The constants of a convolution as its kernels read them: one blob, the weights first.
#pragma once

#include <cstdint>

#include "kernels/conv_finish.h"
#include "kernels/conv_parts.h"
#include "kernels/kernel_table.h"

namespace nibble {

inline constexpr uint32_t kNoConvConstant = 0xFFFFFFFFu;  // CONV_NONE in shaders/lib/conv_bindings.glsl

// Where the parts lie: offsets in words.
struct ConvConstants {
  BufferId buffer = -1;
  uint32_t bias = kNoConvConstant, scale = kNoConvConstant, shift = kNoConvConstant;
  uint32_t group_multiplier = kNoConvConstant;  // lut4 weights: the codebook
  FinishParts finish;
};

inline bool has_input(const Node& node, size_t slot) {
  return slot < node.inputs.size() && node.inputs[slot] != kNoTensor;
}

// `weights` is what the kernel takes: lut4 weights go as they are to kernels that look them up, to others as int8.
Result<ConvConstants> add_constants(const Node& node, Lowering& lowering, bool integer, ElementType weights);

// What the kernel of a node with these weights takes. Kernels that look up entries of a codebook exist for ungrouped
// and blockwise grouped convolutions and for one row; they trade arithmetic for memory, which pays where loads are what
// a layer waits for: not on drivers that run on a CPU. Elsewhere lut4 weights become int8 on their way to the device.
ElementType weights_of_kernel(const Node& node, const Lowering& lowering, bool blocked_kernel);

// True where the kernels' short way to requantize (requantize_short of shaders/lib/quant.glsl) gives the same: shifts
// above 32, and no sum whose product with its multiplier lies halfway between two results that the clamp leaves alone.
bool requantizes_short(const ConvProblem& problem, const Node& node, const Lowering& lowering);

}  // namespace nibble

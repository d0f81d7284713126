// Convolutions of int8 with tiles in shared memory, shaders/conv2d_shared.comp.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/conv_step.h"

namespace nibble {

// What a workgroup of a given tile stages and how it shares out the reduction.
struct SharedStage {
  uint32_t slices = 1;  // of the reduction: invocations along z
  uint32_t steps = 0;   // of 4 input channels, staged at a time by each slice
  uint32_t bytes = 0;   // of shared memory
};

// Nothing where the kernel or the device cannot hold the tile. bounds.in_blocks and bounds.taps are those of the layer.
std::optional<SharedStage> shared_stage(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile);

// Large tiles where the layer has enough of them to fill a large GPU, else smaller ones.
ConvTile choose_shared_tile(const gpu::Caps& caps, const TileBounds& bounds);

// Whether lowering takes it: on GPUs with memory of their own, whose shared memory lies beside their arithmetic. On
// many others it is as far away as what it would save (Arm, "Mali GPU Best Practices": no dedicated local memory).
bool takes_shared(const ConvProblem& c, const Lowering& lowering, const Chosen& chosen);
Status lower_shared(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen);

}  // namespace nibble

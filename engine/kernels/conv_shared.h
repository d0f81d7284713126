// Convolutions of int8 with tiles in shared memory, shaders/conv2d_shared.comp.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/conv_step.h"

namespace nibble {

// What a workgroup of a given tile stages.
struct SharedStage {
  uint32_t steps = 0;  // of 4 input channels, staged at a time by each slice of the reduction
  uint32_t bytes = 0;  // of shared memory
};

// Nothing where the kernel or the device cannot hold the tile, or the device counts fewer workgroups than the layer has
// of it. bounds.in_blocks and bounds.taps are those of the layer. The same for every size of an image, so that resizing
// compiles nothing.
std::optional<SharedStage> shared_stage(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile);

// Large tiles where the layer has enough of them to fill a large GPU, else smaller ones; then slices.
ConvTile choose_shared_tile(const gpu::Caps& caps, const TileBounds& bounds);
// Sets the slices of a tile as the rule does: until enough invocations have work.
void fit_slices(const gpu::Caps& caps, const TileBounds& bounds, ConvTile& tile);

// Tiles in shared memory for a layer of conv2d; nothing where they do not fit, are not worth it or this build has no
// such kernel. Preferred on GPUs with memory of their own, whose shared memory lies beside their arithmetic; on many
// others it is as far away as what it would save (Arm, "Mali GPU Best Practices": no dedicated local memory), which
// tuning may find otherwise. Not preferred where int8_path asks for sums in floats: there is no such row.
std::optional<StepProblem::Second> shared_tiles(const ConvProblem& c, Lowering& lowering, const KernelKey& key);
// The step of a layer for which a row of conv2d_shared was chosen.
Status emit_shared(const ConvProblem& c, const Node& node, Lowering& lowering, const ChosenRow& choice,
                   const StepProblem& problem, const ConvConstants& constants);

}  // namespace nibble

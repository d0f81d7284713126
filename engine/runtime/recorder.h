// A plan as commands.
#pragma once

#include <span>

#include "gpu/command.h"
#include "gpu/timer.h"
#include "runtime/plan.h"
#include "runtime/step_pieces.h"

namespace nibble {

// What the commands of a plan refer to; all of it outlives the recording.
struct Resources {
  std::span<const gpu::Pipeline* const> pipelines;  // one for each step
  std::span<const gpu::BufferRange> ranges;         // one for each buffer of the plan
  const gpu::Timer* timer = nullptr;                // steps + 1 slots, or null to measure nothing
};

// Records all steps between begin() and finish() of `commands`, after whatever compute work the queue has had before.
// Barriers between the steps stand where the plan says; the caller places the one after the last.
void record_steps(gpu::CommandList& commands, const Plan& plan, const Resources& resources);
// One of them or some pieces of it, with its barrier and without time stamps.
void record_step(gpu::CommandList& commands, const Plan& plan, const Resources& resources, size_t index,
                 const StepPieces& pieces = {});

}  // namespace nibble

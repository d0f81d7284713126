#include "runtime/recorder.h"

#include <array>

namespace nibble {

void record_step(gpu::CommandList& commands, const Plan& plan, const Resources& resources, size_t index,
                 const StepPieces& pieces) {
  const Step& step = plan.steps[index];
  if (plan.barrier_before[index]) commands.barrier(gpu::compute, gpu::compute);
  std::array<gpu::BufferRange, gpu::kMaxBindings> bound;
  for (size_t b = 0; b < step.bindings.size(); ++b) {
    bound[b] = resources.ranges[static_cast<size_t>(step.bindings[b].buffer)];
  }
  commands.bind(*resources.pipelines[index], std::span(bound).first(step.bindings.size()));
  commands.push(std::as_bytes(std::span(step.push)));
  if (pieces.count == pieces.of) {
    commands.dispatch(step.groups[0], step.groups[1], step.groups[2]);
    return;
  }
  for (const GroupBox& box : boxes_of(step, pieces)) commands.dispatch(box.base, box.count);
}

void record_steps(gpu::CommandList& commands, const Plan& plan, const Resources& resources) {
  // An earlier run or recording of the session, in the same activations, may still be on its way in the queue.
  commands.barrier(gpu::compute, gpu::compute);
  if (resources.timer) {
    commands.reset(*resources.timer);
    commands.timestamp(*resources.timer, 0);
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    record_step(commands, plan, resources, i);
    if (resources.timer) commands.timestamp(*resources.timer, static_cast<uint32_t>(i + 1));
  }
}

}  // namespace nibble

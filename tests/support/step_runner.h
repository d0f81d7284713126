// Runs a lowered plan on a device without the runtime: every buffer has memory of its own, filled with NaN beforehand,
// so that a kernel that reads what nobody wrote, or leaves lanes of padding unwritten, shows.
#pragma once

#include <span>
#include <vector>

#include "gpu/device.h"
#include "kernels/lowering.h"

namespace nibble::test {

// `feeds`: one entry per graph input, in host order and types. Returns one entry per graph output, likewise.
Result<std::vector<std::vector<std::byte>>> run_plan(const gpu::Device& device, const Graph& graph,
                                                     const LoweredPlan& plan,
                                                     const std::vector<std::vector<std::byte>>& feeds);

// Overrides that force, one at a time, every row that matches a kernel the plan uses and that the device can run.
std::vector<std::pair<std::string, KernelOverrides>> eligible_rows(const LoweredPlan& plan, const gpu::Caps& caps);

}  // namespace nibble::test

// The step of a convolution, whatever its kernel: parameters, constants of its pipeline, limits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/choices.h"
#include "kernels/conv_constants.h"
#include "kernels/conv_parts.h"
#include "kernels/conv_tiles.h"
#include "params.h"

namespace nibble {

struct Chosen {
  Family family;
  KernelKey key;
};

// unsupported_op where a size does not fit the kernels' parameters.
Status check_limits(const ConvProblem& c, const gpu::Caps& caps);
// Some output reads beyond the image.
bool is_padded(const ConvProblem& c);
// Rows without neighbours become one long row, in which tiles leave less over.
void join_rows(ConvProblem& c);

// All but what depends on the tile: blocks, steps and tiles are the caller's.
params::ConvParams fill_params(const ConvProblem& c, const Node& node, const Lowering& lowering,
                               const ConvConstants& constants);
// Workgroup, last stage and what the finish adds.
std::vector<SpecConstant> common_spec(const ConvProblem& c, const ConvTile& tile, const ConvConstants& constants,
                                      bool short_requantization);
StepProblem step_problem(const ConvProblem& c, const Lowering& lowering, const Chosen& chosen,
                         const ConvConstants& constants, const TileBounds& bounds, uint32_t group_steps);
uint32_t group_count(int64_t invocations, uint32_t local);
// unsupported_device where there are more workgroups than the device counts.
Status emit_conv(const ConvProblem& c, Lowering& lowering, const ChosenRow& row, const StepProblem& problem,
                 const ConvConstants& constants, const params::ConvParams& p, std::vector<SpecConstant> spec,
                 std::array<uint32_t, 3> groups);

}  // namespace nibble

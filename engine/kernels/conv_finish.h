// What a convolution's step does behind its own result (kernels/fuse.h), as its kernel reads it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/caps.h"
#include "kernels/fuse.h"
#include "kernels/step.h"

namespace nibble {

struct FinishParts {
  uint32_t table = 0;                              // NBL_TABLE_ of shaders/conv_params.h
  uint32_t residual = 0;                           // NBL_RESIDUAL_ of shaders/conv_params.h
  uint32_t table_offset = 0, residual_offset = 0;  // words of the blob
};

// Appends the constants of a finish to a layer's blob; the offsets follow once the blob has been measured. `table_form`
// is an NBL_TABLE_ other than none.
FinishParts add_finish(const Graph& graph, const Finish& finish, uint32_t table_form, BlobSpec& spec);
// The form in which the kernels of a device find a byte soonest.
uint32_t table_form(const gpu::Caps& caps);
// A table in a form's words.
std::vector<uint32_t> table_words(const std::array<int8_t, 256>& table, uint32_t form);
// From the offsets of the pieces that add_finish() appended.
void set_offsets(FinishParts& parts, std::span<const uint32_t> offset_words);
// Switches the stages on; says nothing of stages that are absent, so that unfused layers share their pipelines.
void add_spec(const FinishParts& parts, std::vector<SpecConstant>& spec);

}  // namespace nibble

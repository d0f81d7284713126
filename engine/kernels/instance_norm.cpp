#include "ops/instance_norm.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

// Invocations that share a plane: about as many as each has units to read.
int64_t chunks_of(int64_t plane) {
  constexpr int64_t kSmallPlane = 64;
  if (plane < kSmallPlane) return 1;
  return std::min<int64_t>(static_cast<int64_t>(std::sqrt(static_cast<double>(plane))), 256);
}

Status emit_partial(Lowering& lowering, const Operand& x, int64_t chunks, BufferId partial) {
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::norm_partial, {ElementType::any, element_type(x.type), ElementType::any}));
  params::NormPartialParams p{};
  p.planes = static_cast<uint32_t>(x.units.outer * x.units.blocks);
  p.plane = static_cast<uint32_t>(x.units.inner);
  p.chunks = static_cast<uint32_t>(chunks);
  Step step = linear_step(kernel, int64_t{p.planes} * p.chunks, {reads(x.buffer), writes(partial)}, push_words(p));
  step.label = "moments of chunks";
  lowering.emit(std::move(step));
  return {};
}

Status emit_merge(Lowering& lowering, const InstanceNorm& op, const Node& node, const Operand& x, int64_t chunks,
                  BufferId partial, BufferId moments) {
  NBL_TRY(const int32_t kernel, lowering.select(Family::norm_merge, {}));
  params::NormMergeParams p{};
  p.batch = static_cast<uint32_t>(x.units.outer);
  p.channels = static_cast<uint32_t>(x.units.channels);
  p.blocks = static_cast<uint32_t>(x.units.blocks);
  p.plane = static_cast<uint32_t>(x.units.inner);
  p.chunks = static_cast<uint32_t>(chunks);
  p.group_channels = op.groups == 0 ? 1u : p.channels / static_cast<uint32_t>(op.groups);
  p.epsilon = op.epsilon;
  BlobSpec spec;
  const bool has_scale = node.inputs.size() > 1 && node.inputs[1] != kNoTensor;
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoTensor;
  if (has_scale) spec.pieces.push_back({node.inputs[1], BlobPiece::Form::f32, {}, {}, std::nullopt});
  if (has_bias) spec.pieces.push_back({node.inputs[2], BlobPiece::Form::f32, {}, {}, std::nullopt});
  BufferId blob = partial;  // something must be bound; it is not read then
  if (!spec.pieces.empty()) {
    NBL_TRY(blob, lowering.blob(spec));
  }
  if (has_scale) p.scale_offset = spec.offset_words.front();
  if (has_bias) p.bias_offset = spec.offset_words.back();
  Step step = linear_step(kernel, x.units.outer * x.units.blocks * 4, {reads(partial), reads(blob), writes(moments)},
                          push_words(p), {{NBL_SPEC_OWN, has_scale ? 1u : 0u}, {NBL_SPEC_OWN + 1, has_bias ? 1u : 0u}});
  step.label = "moments";
  lowering.emit(std::move(step));
  return {};
}

}  // namespace

Status lower(const InstanceNorm& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], Layout{1}));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], Layout{1}));
  constexpr uint64_t kVec4 = 16;
  const auto planes = static_cast<uint64_t>(x.units.outer * x.units.blocks);
  const int64_t chunks = chunks_of(x.units.inner);
  NBL_TRY(const BufferId partial, lowering.scratch(planes * static_cast<uint64_t>(chunks) * 2 * kVec4));
  NBL_TRY(const BufferId moments, lowering.scratch(planes * 3 * kVec4));
  NBL_CHECK(emit_partial(lowering, x, chunks, partial));
  NBL_CHECK(emit_merge(lowering, op, node, x, chunks, partial, moments));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::norm_apply, {ElementType::any, element_type(x.type), ElementType::any}));
  params::UnaryParams p{};
  set_units(p, x.units);
  p.a = op.activation.a;
  p.b = op.activation.b;
  lowering.emit(
      linear_step(kernel, x.units.units(), {reads(x.buffer), reads(moments), writes(y.buffer)}, push_words(p),
                  {{NBL_SPEC_ACT, static_cast<uint32_t>(op.activation.kind)}, {NBL_SPEC_OWN, needs_mask(x.units)}}));
  return {};
}

}  // namespace nibble

#include "ops/layer_norm.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {

Status lower(const LayerNorm& op, const Node& node, Lowering& lowering) {
  const std::vector<int64_t> shape = lowering.shape_of(node.inputs[0]);
  const auto rank = static_cast<int32_t>(shape.size());
  const int32_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  int64_t rows = 1;
  int64_t columns = 1;
  for (int32_t i = 0; i < rank; ++i) (i < axis ? rows : columns) *= shape[static_cast<size_t>(i)];
  NBL_TRY(const Operand x, lowering.input_view(node.inputs[0], {rows, columns}, Layout{1}));
  NBL_TRY(const Operand y, lowering.output_view(node.outputs[0], {rows, columns}, Layout{1}));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::layer_norm, {ElementType::any, element_type(x.type), ElementType::any}));
  params::LayerNormParams p{};
  p.rows = static_cast<uint32_t>(rows);
  p.channels = static_cast<uint32_t>(columns);
  p.blocks = static_cast<uint32_t>(x.units.blocks);
  p.epsilon = op.epsilon;
  BlobSpec spec;
  const bool has_scale = node.inputs.size() > 1 && node.inputs[1] != kNoTensor;
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoTensor;
  if (has_scale) spec.pieces.push_back({node.inputs[1], BlobPiece::Form::f32, {}, {}, std::nullopt});
  if (has_bias) spec.pieces.push_back({node.inputs[2], BlobPiece::Form::f32, {}, {}, std::nullopt});
  BufferId blob = x.buffer;  // something must be bound; it is not read then
  if (!spec.pieces.empty()) {
    NBL_TRY(blob, lowering.blob(spec));
  }
  if (has_scale) p.scale_unit = spec.offset_words.front() / 4;
  if (has_bias) p.bias_unit = spec.offset_words.back() / 4;
  lowering.emit(linear_step(kernel, rows, {reads(x.buffer), reads(blob), writes(y.buffer)}, push_words(p),
                            {{NBL_SPEC_OWN, has_scale ? 1u : 0u},
                             {NBL_SPEC_OWN + 1, has_bias ? 1u : 0u},
                             {NBL_SPEC_OWN + 2, op.rms ? 1u : 0u}}));
  return {};
}

}  // namespace nibble

#include "ops/arg_reduce.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {

Status lower(const ArgReduce& op, const Node& node, Lowering& lowering) {
  const size_t rank = lowering.shape_of(node.inputs[0]).size();
  const Layout layout = lowering.layout_of(node.inputs[0], default_layout(rank));
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], layout));
  std::vector<int64_t> kept = x.shape;
  kept[static_cast<size_t>(op.axis)] = 1;
  NBL_TRY(const Operand y, lowering.output_view(node.outputs[0], kept, layout));
  const ElementType type = element_type(x.type);
  NBL_TRY(const int32_t kernel, lowering.select(Family::arg_reduce, {ElementType::any, type, ElementType::any}));
  params::ArgReduceParams p{};
  p.units = static_cast<uint32_t>(y.units.units());
  p.count = p.after = 1;
  p.channels = static_cast<uint32_t>(x.units.channels);
  for (int32_t i = op.axis; i < static_cast<int32_t>(rank); ++i) {
    const auto size = static_cast<uint32_t>(i == layout.axis ? x.units.blocks : x.shape[static_cast<size_t>(i)]);
    (i == op.axis ? p.count : p.after) *= size;
  }
  Step step = linear_step(kernel, p.units, {reads(x.buffer), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, op.axis == layout.axis ? 1u : 0u},
                           {NBL_SPEC_OWN + 1, op.minimum ? 1u : 0u},
                           {NBL_SPEC_OWN + 2, op.last_index ? 1u : 0u}});
  step.integer = type != ElementType::f32 && type != ElementType::f16;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

#include "ops/softmax.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {

Status lower(const Softmax& op, const Node& node, Lowering& lowering) {
  const auto rank = static_cast<int32_t>(lowering.shape_of(node.inputs[0]).size());
  const Layout layout = lowering.layout_of(node.inputs[0], default_layout(static_cast<size_t>(rank)));
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], layout));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::softmax, {ElementType::any, element_type(x.type), ElementType::any}));
  const int32_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  int64_t before = 1;
  int64_t count = 1;
  int64_t after = 1;
  for (int32_t i = 0; i < rank; ++i) {
    const int64_t size = i == layout.axis ? x.units.blocks : x.shape[static_cast<size_t>(i)];
    (i < axis ? before : (i == axis ? count : after)) *= size;
  }
  params::SoftmaxParams p{};
  p.units = static_cast<uint32_t>(before * after);
  p.count = static_cast<uint32_t>(count);
  p.after = static_cast<uint32_t>(after);
  p.channels = static_cast<uint32_t>(x.units.channels);
  p.blocks = static_cast<uint32_t>(x.units.blocks);
  p.inner = static_cast<uint32_t>(x.units.inner);
  lowering.emit(linear_step(kernel, p.units, {reads(x.buffer), writes(y.buffer)}, push_words(p),
                            {{NBL_SPEC_OWN, axis == layout.axis ? 1u : 0u},
                             {NBL_SPEC_OWN + 1, op.log ? 1u : 0u},
                             {NBL_SPEC_OWN + 2, needs_mask(x.units)}}));
  return {};
}

}  // namespace nibble

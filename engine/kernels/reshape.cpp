#include "ops/reshape.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {

Status lower(const Reshape&, const Node& node, Lowering& lowering) {
  // Often the same words mean the new shape too: axes before or behind the blocked one join or split freely.
  if (lowering.alias(node.outputs[0], node.inputs[0])) return {};
  const std::vector<int64_t> shape = lowering.shape_of(node.outputs[0]);
  NBL_TRY(const Operand x, lowering.input_view(node.inputs[0], shape, default_layout(shape.size())));
  lowering.adopt(node.outputs[0], x);
  return {};
}

}  // namespace nibble

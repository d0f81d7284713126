#include "ops/transpose.h"

#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {

Status lower(const Transpose& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.as_it_lies(node.inputs[0]));
  // Lanes stay together when the blocked axis travels along; a flat source can become anything.
  Layout layout = default_layout(x.shape.size());
  for (size_t i = 0; i < op.perm.size(); ++i) {
    if (!x.layout.flat() && op.perm[i] == x.layout.axis) layout = Layout{static_cast<int32_t>(i)};
  }
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  std::vector<CopyAxis> axes = identity_axes(y.shape);
  for (size_t i = 0; i < axes.size(); ++i) axes[i].source_axis = static_cast<int32_t>(op.perm[i]);
  return emit_copy(lowering, x, y, axes);
}

}  // namespace nibble

#include "ops/slice.h"

#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {

Status lower(const Slice& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.as_it_lies(node.inputs[0]));
  const Layout layout = x.layout.flat() ? default_layout(x.shape.size()) : x.layout;
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  std::vector<CopyAxis> axes = identity_axes(y.shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    axes[i].start = op.starts[i].value();
    axes[i].step = op.steps[i];
  }
  return emit_copy(lowering, x, y, axes);
}

}  // namespace nibble

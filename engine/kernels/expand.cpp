#include "ops/expand.h"

#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {

Status lower(const Expand&, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.as_it_lies(node.inputs[0]));
  const std::vector<int64_t> shape = lowering.shape_of(node.outputs[0]);
  const size_t missing = shape.size() - x.shape.size();
  const Layout layout =
      x.layout.flat() ? default_layout(shape.size()) : Layout{x.layout.axis + static_cast<int32_t>(missing)};
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], shape.empty() ? Layout{0} : layout));
  std::vector<CopyAxis> axes = identity_axes(y.shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    axes[i].source_axis = i < missing ? -1 : static_cast<int32_t>(i - missing);
    if (i >= missing && x.shape[i - missing] == 1 && shape[i] != 1) axes[i].step = 0;
  }
  return emit_copy(lowering, x, y, axes);
}

}  // namespace nibble

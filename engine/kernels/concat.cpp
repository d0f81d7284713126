#include "ops/concat.h"

#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {

Status lower(const Concat& op, const Node& node, Lowering& lowering) {
  // The layout most elements are in already.
  Layout layout = default_layout(lowering.shape_of(node.outputs[0]).size());
  int64_t most = 0;
  for (const TensorId id : node.inputs) {
    int64_t elements = 1;
    for (int64_t d : lowering.shape_of(id)) elements *= d;
    const Layout has = lowering.layout_of(id, Layout{});
    if (!has.flat() && elements > most) {
      most = elements;
      layout = has;
    }
  }
  const Operand* begun = lowering.begun_concat(lowering.node());
  Operand y;
  if (begun) {
    y = *begun;
  } else {
    NBL_TRY(y, lowering.output(node.outputs[0], layout));
  }
  const auto axis = static_cast<size_t>(op.axis);
  int64_t begin = 0;
  // In ascending order: a part that begins inside a unit keeps the lanes its predecessor wrote.
  for (const TensorId id : node.inputs) {
    const int64_t size = lowering.shape_of(id)[axis];
    const int64_t at = begin;
    begin += size;
    if (begun && lowering.part_lies_in(id, lowering.node())) continue;
    NBL_TRY(const Operand x, lowering.as_it_lies(id));
    std::vector<CopyAxis> axes = identity_axes(x.shape);
    axes[axis].target_begin = at;
    NBL_CHECK(emit_copy(lowering, x, y, axes));
  }
  return {};
}

}  // namespace nibble

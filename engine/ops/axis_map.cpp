#include "ops/axis_map.h"

#include "ops/op.h"

namespace nibble {

AxisMap elementwise_axes(Inputs inputs) {
  AxisMap map;
  for (size_t i = 0; i < inputs[0].shape.size(); ++i) map.same(input_axis(0, i), output_axis(i));
  return map;
}

void broadcast_axes(AxisMap& map, Inputs inputs, size_t slot, const Shape& output, size_t leave_out) {
  const Shape& shape = inputs[slot].shape;
  for (size_t i = leave_out; i < shape.size() && i < output.size(); ++i) {
    const size_t from = shape.size() - 1 - i, to = output.size() - 1 - i;
    if (shape[from] == output[to]) {
      map.same(input_axis(slot, from), output_axis(to));
    } else {
      map.freeze(input_axis(slot, from), "repeated by broadcasting");
      if (!shape[from].is_const()) map.freeze(output_axis(to), "broadcast against a free dimension");
    }
  }
}

AxisMap axes_node(const Node& node, Inputs inputs) {
  return visit_op(*node.op, [&](const auto& concrete) -> AxisMap { return axes(concrete, inputs); });
}

}  // namespace nibble

#include "ops/softmax.h"

#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const Softmax& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16}));
  NBL_CHECK(resolve_axis(op.axis, x.shape.size(), true));
  NBL_TRY(TensorDesc y, like(x, "x", x.shape));
  return one_output(std::move(y));
}

AxisMap axes(const Softmax& op, Inputs inputs) {
  AxisMap map = elementwise_axes(inputs);
  if (const auto axis = resolve_axis(op.axis, inputs[0].shape.size(), true)) {
    map.freeze(output_axis(*axis), "normalized by softmax");
  }
  return map;
}

}  // namespace nibble

#include "ops/layer_norm.h"

#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const LayerNorm& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 3));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16}));
  NBL_CHECK(check_finite("epsilon", op.epsilon));
  NBL_TRY(const size_t axis, resolve_axis(op.axis, x.shape.size(), true));
  const Shape normalized(x.shape.begin() + static_cast<std::ptrdiff_t>(axis), x.shape.end());
  for (size_t i = 1; i < 3; ++i) {
    if (!inputs.has(i)) continue;
    NBL_CHECK(check_type(inputs[i], i == 1 ? "scale" : "bias", {DType::f32}));
    NBL_CHECK(check_shape(inputs[i], i == 1 ? "scale" : "bias", normalized));
  }
  NBL_TRY(TensorDesc y, like(x, "x", x.shape));
  return one_output(std::move(y));
}

AxisMap axes(const LayerNorm& op, Inputs inputs) {
  AxisMap map = elementwise_axes(inputs);
  const auto axis = resolve_axis(op.axis, inputs[0].shape.size(), true);
  for (size_t i = axis ? *axis : 0; i < inputs[0].shape.size(); ++i)
    map.freeze(output_axis(i), "normalized as a whole");
  return map;
}

}  // namespace nibble

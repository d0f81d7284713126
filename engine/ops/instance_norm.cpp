#include "ops/instance_norm.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const InstanceNorm& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 3));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16}));
  NBL_CHECK(check_rank(x, "x", 2, kMaxRank));
  NBL_CHECK(check_known(x.shape[1], "channels of x"));
  NBL_CHECK(check_finite("epsilon", op.epsilon));
  NBL_CHECK(check_activation(op.activation, false));
  const int64_t channels = x.shape[1].value();
  NBL_CHECK(check_range("groups", op.groups, 0, channels));
  if (op.groups > 0 && channels % op.groups != 0) {
    return bad_node(format("groups: %d does not divide %lld channels", op.groups, static_cast<long long>(channels)));
  }
  for (size_t i = 1; i < 3; ++i) {
    if (!inputs.has(i)) continue;
    NBL_CHECK(check_type(inputs[i], i == 1 ? "scale" : "bias", {DType::f32}));
    NBL_CHECK(check_shape(inputs[i], i == 1 ? "scale" : "bias", {x.shape[1]}));
  }
  NBL_TRY(TensorDesc y, like(x, "x", x.shape));
  return one_output(std::move(y));
}

AxisMap axes(const InstanceNorm& op, Inputs inputs) {
  AxisMap map;
  map.same(input_axis(0, 0), output_axis(0));
  map.same(input_axis(0, 1), output_axis(1));
  for (size_t slot = 1; slot < 3; ++slot) {
    if (inputs.has(slot)) map.same(input_axis(slot, 0), output_axis(1));
  }
  if (op.groups != 0) map.freeze(output_axis(1), "normalized together with its group of channels");
  return map;
}

}  // namespace nibble

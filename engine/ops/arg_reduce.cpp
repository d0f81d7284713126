#include "ops/arg_reduce.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const ArgReduce& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16, DType::i8, DType::u8, DType::i32, DType::i64}));
  NBL_TRY(const size_t axis, resolve_axis(op.axis, x.shape.size(), false));
  TensorDesc y;
  y.type = DType::i64;
  y.shape = x.shape;
  if (op.keep_dims) {
    y.shape[axis] = 1;
  } else {
    y.shape.erase(y.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return one_output(std::move(y));
}

AxisMap axes(const ArgReduce& op, Inputs inputs) {
  AxisMap map;
  size_t to = 0;
  for (size_t i = 0; i < inputs[0].shape.size(); ++i) {
    if (static_cast<int32_t>(i) == op.axis) {
      map.freeze(input_axis(0, i), "its indices are the result");
      to += op.keep_dims ? 1 : 0;
    } else {
      map.same(input_axis(0, i), output_axis(to++));
    }
  }
  return map;
}

}  // namespace nibble

#include "ops/gather.h"

#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const Gather& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 2, 2));
  const TensorDesc& data = inputs[0];
  const TensorDesc& indices = inputs[1];
  NBL_CHECK(check_type(indices, "indices", {DType::i32, DType::i64}));
  NBL_TRY(const size_t axis, resolve_axis(op.axis, data.shape.size(), false));
  Shape shape(data.shape.begin(), data.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), data.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.shape.end());
  NBL_TRY(TensorDesc y, like(data, "data", std::move(shape)));
  return one_output(std::move(y));
}

}  // namespace nibble

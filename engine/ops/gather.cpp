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

AxisMap axes(const Gather& op, Inputs inputs) {
  AxisMap map;
  const auto axis = static_cast<size_t>(op.axis);
  const size_t index_rank = inputs[1].shape.size();
  for (size_t i = 0; i < inputs[0].shape.size(); ++i) {
    if (i == axis) continue;
    map.same(input_axis(0, i), output_axis(i < axis ? i : i + index_rank - 1));
  }
  map.freeze(input_axis(0, axis), "picked by index");
  for (size_t i = 0; i < index_rank; ++i) {
    map.freeze(input_axis(1, i), "indices");
    map.freeze(output_axis(axis + i), "picked by index");
  }
  return map;
}

}  // namespace nibble

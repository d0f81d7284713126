#include "ops/concat.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

Status check_other_axes(const TensorDesc& first, const TensorDesc& other, size_t axis, size_t index) {
  bool same = first.shape.size() == other.shape.size();
  for (size_t i = 0; same && i < first.shape.size(); ++i) {
    const Dim& a = first.shape[i];
    const Dim& b = other.shape[i];
    same = i == axis || a == b || !a.is_const() || !b.is_const();
  }
  if (same) return {};
  return bad_node(format("input %zu: expected shape %s apart from axis %zu, found %s", index,
                         to_string(first.shape).c_str(), axis, to_string(other.shape).c_str()));
}

}  // namespace

Result<Outputs> infer(const Concat& op, Inputs inputs) {
  if (inputs.size() == 0) return bad_node("expected at least one input, found none");
  NBL_CHECK(check_inputs(inputs, inputs.size(), inputs.size()));
  const TensorDesc& first = inputs[0];
  NBL_TRY(const size_t axis, resolve_axis(op.axis, first.shape.size(), false));
  Shape shape = first.shape;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const TensorDesc& other = inputs[i];
    NBL_CHECK(check_type(other, format("input %zu", i).c_str(), {first.type}));
    NBL_CHECK(check_other_axes(first, other, axis, i));
    if (is_quantized_type(first.type) && !(other.quant == first.quant)) {
      return bad_node(
          format("input %zu: expected the quantization of input 0 (scale %g, zero point %d), found scale %g, "
                 "zero point %d",
                 i, static_cast<double>(first.quant.scale()), first.quant.zero_point,
                 static_cast<double>(other.quant.scale()), other.quant.zero_point));
    }
    shape[axis] += other.shape[axis];
    for (size_t k = 0; k < shape.size(); ++k) {
      if (k != axis && !shape[k].is_const()) shape[k] = other.shape[k];
    }
  }
  NBL_TRY(TensorDesc y, like(first, "input 0", std::move(shape)));
  return one_output(std::move(y));
}

AxisMap axes(const Concat& op, Inputs inputs) {
  AxisMap map;
  int64_t at = 0;
  for (size_t slot = 0; slot < inputs.size(); ++slot) {
    const Shape& shape = inputs[slot].shape;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (static_cast<int32_t>(i) != op.axis) map.same(input_axis(slot, i), output_axis(i));
    }
    const auto axis = static_cast<size_t>(op.axis);
    if (at < 0 || !shape[axis].is_const()) {
      map.freeze(input_axis(slot, axis), "joined along a free dimension");
      map.freeze(output_axis(axis), "joined along a free dimension");
      at = -1;
      continue;
    }
    map.range(input_axis(slot, axis), 0, output_axis(axis), at, shape[axis].value());
    at += shape[axis].value();
  }
  return map;
}

}  // namespace nibble

#include "ops/pad.h"

#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

Status check_axis(const Pad& op, size_t axis, const Dim& size) {
  for (int64_t pad : {op.begins[axis], op.ends[axis]}) {
    NBL_CHECK(check_range("padding", pad, 0, kMaxDim / 4));
    if (!size.is_const()) continue;
    // Reflection does not repeat the edge; wrapping reads each element once at most on either side.
    if (op.mode == PadMode::reflect) NBL_CHECK(check_range("padding by reflection", pad, 0, size.value() - 1));
    if (op.mode == PadMode::wrap) NBL_CHECK(check_range("padding by wrapping", pad, 0, size.value()));
  }
  return {};
}

// The stored integer of the constant must exist, or the padding would silently be another number.
Status check_value(const Pad& op, const TensorDesc& x) {
  if (op.mode != PadMode::constant || !is_quantized_type(x.type)) return {};
  NBL_CHECK(check_finite("value", op.value));
  const double steps = x.quant.zero_point + std::round(static_cast<double>(op.value) / x.quant.scale());
  const double least = x.type == DType::u8 ? 0 : -128;
  const double most = x.type == DType::u8 ? 255 : 127;
  if (steps >= least && steps <= most) return {};
  return bad_node(format("value: %g is outside what x can hold (scale %g, zero point %d)",
                         static_cast<double>(op.value), static_cast<double>(x.quant.scale()), x.quant.zero_point));
}

}  // namespace

Result<Outputs> infer(const Pad& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  const size_t rank = x.shape.size();
  if (op.mode != PadMode::constant && op.mode != PadMode::reflect && op.mode != PadMode::edge &&
      op.mode != PadMode::wrap) {
    return bad_node(format("mode: unknown padding number %d", static_cast<int>(op.mode)));
  }
  if (op.begins.size() != rank || op.ends.size() != rank) {
    return bad_node(
        format("expected %zu amounts at either end, found %zu and %zu", rank, op.begins.size(), op.ends.size()));
  }
  Shape shape = x.shape;
  for (size_t i = 0; i < rank; ++i) {
    NBL_CHECK(check_axis(op, i, x.shape[i]));
    shape[i] += op.begins[i] + op.ends[i];
  }
  NBL_TRY(TensorDesc y, like(x, "x", std::move(shape)));
  NBL_CHECK(check_value(op, x));
  return one_output(std::move(y));
}

AxisMap axes(const Pad& op, Inputs inputs) {
  AxisMap map;
  for (size_t i = 0; i < op.begins.size(); ++i) {
    const Dim& size = inputs[0].shape[i];
    if (op.begins[i] == 0 && op.ends[i] == 0) {
      map.same(input_axis(0, i), output_axis(i));
    } else if (op.mode == PadMode::constant && size.is_const() && op.begins[i] >= 0 && op.ends[i] >= 0) {
      map.range(input_axis(0, i), 0, output_axis(i), op.begins[i], size.value());
    } else {
      map.freeze(input_axis(0, i), "padded with its own values");
      map.freeze(output_axis(i), "padded with its own values");
    }
  }
  return map;
}

}  // namespace nibble

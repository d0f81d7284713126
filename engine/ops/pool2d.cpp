#include "ops/pool2d.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

struct Axis {
  int64_t kernel, stride, dilation, pad_begin, pad_end;
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
};

Status check_axis(const Axis& axis) {
  NBL_CHECK(check_range("kernel", axis.kernel, 1, kMaxDim));
  NBL_CHECK(check_range("stride", axis.stride, 1, kMaxDim));
  NBL_CHECK(check_range("dilation", axis.dilation, 1, kMaxDim));
  // A window must not lie in the padding as a whole.
  NBL_CHECK(check_range("leading padding", axis.pad_begin, 0, axis.extent() - 1));
  return check_range("trailing padding", axis.pad_end, 0, axis.extent() - 1);
}

Dim positions(const Axis& axis, const Dim& size, bool ceil_mode) {
  const Dim room = size + (axis.pad_begin + axis.pad_end - axis.extent());
  if (!ceil_mode) return floor_div(room, axis.stride) + 1;
  // min(ceil(room / stride) + 1, ceil((size + pad_begin) / stride)): the last window begins before the trailing
  // padding. Which of the two is smaller does not depend on the size.
  if (axis.stride <= axis.extent() - axis.pad_end) return ceil_div(room, axis.stride) + 1;
  return ceil_div(size + axis.pad_begin, axis.stride);
}

}  // namespace

Result<Outputs> infer(const Pool2d& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  if (op.kind != PoolKind::max && op.kind != PoolKind::average) {
    return bad_node(format("kind: unknown pooling number %d", static_cast<int>(op.kind)));
  }
  NBL_CHECK(check_rank(x, "x", 4, 4));
  const Axis vertical{op.kernel_h, op.stride_h, op.dilation_h, op.pad_top, op.pad_bottom};
  const Axis horizontal{op.kernel_w, op.stride_w, op.dilation_w, op.pad_left, op.pad_right};
  NBL_CHECK(check_axis(vertical));
  NBL_CHECK(check_axis(horizontal));
  Shape shape{x.shape[0], x.shape[1], positions(vertical, x.shape[2], op.ceil_mode),
              positions(horizontal, x.shape[3], op.ceil_mode)};
  if (op.kind == PoolKind::average && x.type == DType::i8) {
    NBL_CHECK(check_clamp(op.clamp, DType::i8));
    // Sums of (x - zero point), at most 255 each, are kept in int32.
    NBL_CHECK(check_range("window of an integer node", int64_t{op.kernel_h} * op.kernel_w, 1, kMaxDim / 255));
    NBL_TRY(TensorDesc y, declared_quantized(inputs, x, std::move(shape)));
    return one_output(std::move(y));
  }
  if (op.kind == PoolKind::average) {
    NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16, DType::i8}));
  } else {
    NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16, DType::i8, DType::u8}));
  }
  NBL_TRY(TensorDesc y, like(x, "x", std::move(shape)));
  return one_output(std::move(y));
}

AxisMap axes(const Pool2d&, Inputs) {
  AxisMap map;
  for (size_t i = 0; i < 2; ++i) map.same(input_axis(0, i), output_axis(i));
  return map;
}

}  // namespace nibble

#include "ops/conv_transpose2d.h"

#include <algorithm>

#include "core/try.h"
#include "ops/checks.h"
#include "ops/conv_axes.h"
#include "ops/conv_checks.h"

namespace nibble {

namespace {

Status check_window(const ConvTranspose2d& op) {
  for (int32_t stride : {op.stride_h, op.stride_w}) NBL_CHECK(check_range("stride", stride, 1, kMaxDim));
  for (int32_t dilation : {op.dilation_h, op.dilation_w}) NBL_CHECK(check_range("dilation", dilation, 1, kMaxDim));
  for (int32_t pad : {op.pad_top, op.pad_left, op.pad_bottom, op.pad_right}) {
    NBL_CHECK(check_range("padding", pad, 0, kMaxDim / 4));
  }
  NBL_CHECK(check_range("output padding", op.output_pad_h, 0, std::max(op.stride_h, op.dilation_h) - 1));
  return check_range("output padding", op.output_pad_w, 0, std::max(op.stride_w, op.dilation_w) - 1);
}

}  // namespace

Result<Outputs> infer(const ConvTranspose2d& op, Inputs inputs) {
  NBL_CHECK(check_conv_weights(inputs, op.groups));
  NBL_CHECK(check_window(op));
  const Shape& x = inputs[conv_input::x].shape;
  const Shape& w = inputs[conv_input::weights].shape;
  const auto size = [](const Dim& in, int64_t stride, int64_t dilation, const Dim& kernel, int64_t extra) {
    return (in - 1) * stride + (dilation * (kernel.value() - 1) + 1 + extra);
  };
  const Dim height =
      size(x[2], op.stride_h, op.dilation_h, w[2], int64_t{op.output_pad_h} - op.pad_top - op.pad_bottom);
  const Dim width = size(x[3], op.stride_w, op.dilation_w, w[3], int64_t{op.output_pad_w} - op.pad_left - op.pad_right);
  NBL_TRY(TensorDesc y, infer_conv_output(inputs, {x[0], w[0], height, width}, op.activation, op.clamp));
  return one_output(std::move(y));
}

AxisMap axes(const ConvTranspose2d& op, Inputs inputs) { return convolution_axes(inputs, op.groups); }

}  // namespace nibble

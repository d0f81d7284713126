#include "ops/conv2d.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"
#include "ops/conv_axes.h"
#include "ops/conv_checks.h"

namespace nibble {

namespace {

Status check_window(const Conv2d& op) {
  for (int32_t stride : {op.stride_h, op.stride_w}) NBL_CHECK(check_range("stride", stride, 1, kMaxDim));
  for (int32_t dilation : {op.dilation_h, op.dilation_w}) NBL_CHECK(check_range("dilation", dilation, 1, kMaxDim));
  for (int32_t pad : {op.pad_top, op.pad_left, op.pad_bottom, op.pad_right}) {
    NBL_CHECK(check_range("padding", pad, 0, kMaxDim / 4));
  }
  return {};
}

Result<Dim> window_positions(const char* axis, const Dim& size, int64_t pads, int64_t kernel, int64_t dilation,
                             int64_t stride) {
  const int64_t extent = (kernel - 1) * dilation + 1;
  const Dim out = floor_div(size + pads - extent, stride) + 1;
  if (out.is_const() && out.value() < 1) {
    return bad_node(format("%s: a kernel of extent %lld does not fit into %s padded by %lld", axis,
                           static_cast<long long>(extent), size.to_string().c_str(), static_cast<long long>(pads)));
  }
  return out;
}

}  // namespace

Result<Outputs> infer(const Conv2d& op, Inputs inputs) {
  NBL_CHECK(check_conv_weights(inputs, op.groups));
  NBL_CHECK(check_window(op));
  const Shape& x = inputs[conv_input::x].shape;
  const Shape& w = inputs[conv_input::weights].shape;
  NBL_TRY(Dim height, window_positions("height", x[2], int64_t{op.pad_top} + op.pad_bottom, w[2].value(), op.dilation_h,
                                       op.stride_h));
  NBL_TRY(Dim width, window_positions("width", x[3], int64_t{op.pad_left} + op.pad_right, w[3].value(), op.dilation_w,
                                      op.stride_w));
  NBL_TRY(TensorDesc y, infer_conv_output(inputs, {x[0], w[0], height, width}, op.activation, op.clamp));
  return one_output(std::move(y));
}

AxisMap axes(const Conv2d& op, Inputs inputs) { return convolution_axes(inputs, op.groups); }

}  // namespace nibble

// Two-dimensional transposed convolution (as ONNX ConvTranspose, but weights are [O, C/groups, kh, kw]).
#pragma once
#include "ops/axis_map.h"
#include "ops/conv2d.h"

namespace nibble {

// Output size: (H - 1) * stride + dilation * (kh - 1) + 1 + output_pad - pad_begin - pad_end.
// y[o, oy, ox] = sum of w[o, c, ky, kx] * x[c, iy, ix] over oy = iy * stride - pad_top + ky * dilation. Slots:
// conv_input.
struct ConvTranspose2d {
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int32_t output_pad_h = 0, output_pad_w = 0;
  int32_t groups = 1;
  Activation activation;
  ClampRange clamp;
  template <class V>
  void visit(V& v) {
    v("stride_h", stride_h);
    v("stride_w", stride_w);
    v("dilation_h", dilation_h);
    v("dilation_w", dilation_w);
    v("pad_top", pad_top);
    v("pad_left", pad_left);
    v("pad_bottom", pad_bottom);
    v("pad_right", pad_right);
    v("output_pad_h", output_pad_h);
    v("output_pad_w", output_pad_w);
    v("groups", groups);
    activation.visit(v);
    clamp.visit(v);
  }
};
Result<Outputs> infer(const ConvTranspose2d& op, Inputs inputs);
AxisMap axes(const ConvTranspose2d& op, Inputs inputs);

}  // namespace nibble

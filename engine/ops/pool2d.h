// Maximum and average pooling over windows.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

enum class PoolKind : int32_t { max = 0, average = 1 };

// Input x [N, C, H, W]. Padding is never part of a maximum; it counts in an average only with count_include_pad.
// ceil_mode as ONNX defines it (a window must begin inside the input or its leading padding).
// i8: max keeps the quantization; average: z + requantize(sum of (x - zx), mean_multiplier(sx, sy, count)), INTEGER.md.
struct Pool2d {
  PoolKind kind = PoolKind::max;
  int32_t kernel_h = 1, kernel_w = 1;
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool ceil_mode = false;
  bool count_include_pad = false;
  ClampRange clamp;
  template <class V>
  void visit(V& v) {
    v("kind", kind);
    v("kernel_h", kernel_h);
    v("kernel_w", kernel_w);
    v("stride_h", stride_h);
    v("stride_w", stride_w);
    v("dilation_h", dilation_h);
    v("dilation_w", dilation_w);
    v("pad_top", pad_top);
    v("pad_left", pad_left);
    v("pad_bottom", pad_bottom);
    v("pad_right", pad_right);
    v("ceil_mode", ceil_mode);
    v("count_include_pad", count_include_pad);
    clamp.visit(v);
  }
};
Result<Outputs> infer(const Pool2d& op, Inputs inputs);
AxisMap axes(const Pool2d& op, Inputs inputs);

}  // namespace nibble

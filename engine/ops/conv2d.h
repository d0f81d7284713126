// Two-dimensional convolution (cross-correlation, as ONNX Conv).
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Slots shared by Conv2d, ConvTranspose2d and Linear.
namespace conv_input {
inline constexpr size_t x = 0;        // [N, C, H, W]
inline constexpr size_t weights = 1;  // constant [O, C/groups, kh, kw]: f32, f16, i8, i4 or lut4
inline constexpr size_t bias = 2;     // optional constant [O]: f32 for float x, i32 for i8 x
inline constexpr size_t multiplier =
    3;                              // i8 x: i32 [O], M0 of requantize. float x with quantized weights: f32 [O], scale
inline constexpr size_t shift = 4;  // i8 x only: u8 [O], T of requantize
inline constexpr size_t group_multiplier = 5;  // i4 weights only: u8 [O, G]
inline constexpr size_t codebook = 5;          // lut4 weights only, in the same slot: i8 [16]
}  // namespace conv_input

inline constexpr int64_t kCodebookEntries = 16;  // of lut4 weights

// Integer node (i8 x, i8, i4 or lut4 weights, i8 y), see ops/INTEGER.md; padding counts as x's zero point, and the bias
// holds -zx * (sum of weights), so kernels add w * x over the stored integers only.
struct Conv2d {
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
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
    v("groups", groups);
    activation.visit(v);
    clamp.visit(v);
  }
};
Result<Outputs> infer(const Conv2d& op, Inputs inputs);
AxisMap axes(const Conv2d& op, Inputs inputs);

}  // namespace nibble

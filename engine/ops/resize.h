// Resampling of the last two axes, as ONNX Resize (without antialias and crop-and-resize).
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

enum class ResizeMode : int32_t { nearest = 0, linear = 1, cubic = 2 };
enum class ResizeCoordinates : int32_t {
  half_pixel = 0,
  pytorch_half_pixel = 1,
  align_corners = 2,
  asymmetric = 3,
  half_pixel_symmetric = 4,
  tf_half_pixel_for_nn = 5
};
enum class NearestMode : int32_t { round_prefer_floor = 0, round_prefer_ceil = 1, floor = 2, ceil = 3 };

// Input x [N, C, H, W]. Output H, W: sizes if given (2 values), else floor(H * scale_h), floor(W * scale_w).
// The scale of the coordinate formula is scale_* when not 0, else output size / input size.
// i8: integer weights of resize_taps(), quantization kept.
struct Resize {
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
  NearestMode nearest = NearestMode::round_prefer_floor;
  float cubic_a = -0.75f;
  bool exclude_outside = false;
  float scale_h = 0.0f, scale_w = 0.0f;
  Shape sizes;
  template <class V>
  void visit(V& v) {
    v("mode", mode);
    v("coordinates", coordinates);
    v("nearest", nearest);
    v("cubic_a", cubic_a);
    v("exclude_outside", exclude_outside);
    v("scale_h", scale_h);
    v("scale_w", scale_w);
    v("sizes", sizes);
  }
};
Result<Outputs> infer(const Resize& op, Inputs inputs);
AxisMap axes(const Resize& op, Inputs inputs);

// Which inputs make one output along one axis. taps is 1, 2 or 4; index is already clamped into [0, in).
// Computed on the host in double, once for kernels and oracle alike, so that both use the same numbers.
struct ResizeTaps {
  int32_t taps = 1;
  std::vector<int32_t> index;  // [out][taps]
  std::vector<float> weight;   // [out][taps]
  std::vector<int32_t>
      integer_weight;  // [out][taps], units of 2^-kResizeWeightBits, each row sums to 2^kResizeWeightBits
};
inline constexpr int32_t kResizeWeightBits = 10;
ResizeTaps resize_taps(const Resize& op, bool vertical, int64_t in, int64_t out);

}  // namespace nibble

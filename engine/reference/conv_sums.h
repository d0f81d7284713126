// The sums of products inside convolutions, over any arithmetic type.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/conv2d.h"
#include "ops/conv_transpose2d.h"

namespace nibble::reference {

struct ConvAxis {
  int64_t in, out, kernel, stride, dilation, pad;
};

struct ConvGeometry {
  int64_t batch, channels, outputs, groups;
  ConvAxis h, w;
};

// For shapes x [N, C, H, W], weights [O, C/groups, kh, kw], y [N, O, H', W'].
template <class Op, class Shape>
ConvGeometry conv_geometry(const Op& op, const Shape& x, const Shape& weights, const Shape& y) {
  return {x[0],
          x[1],
          y[1],
          op.groups,
          {x[2], y[2], weights[2], op.stride_h, op.dilation_h, op.pad_top},
          {x[3], y[3], weights[3], op.stride_w, op.dilation_w, op.pad_left}};
}

// Steps s with 0 <= s < steps and 0 <= s * stride + offset < limit.
struct StepRange {
  int64_t begin, end;
};

inline StepRange steps_inside(int64_t steps, int64_t stride, int64_t offset, int64_t limit) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = limit - 1 - offset < 0 ? 0 : (limit - 1 - offset) / stride + 1;
  return {std::min(begin, steps), std::min(end, steps)};
}

// y += sums of w * x over the pixels that exist. A is floating or unsigned (unsigned: sums modulo 2^32, as on devices).
template <class A>
void add_conv_sums(const ConvGeometry& g, const A* x, const A* weights, A* y);

// The same for the transposed convolution: y[iy * stride - pad + ky * dilation] += w[ky] * x[iy].
template <class A>
void add_conv_transpose_sums(const ConvGeometry& g, const A* x, const A* weights, A* y);

}  // namespace nibble::reference

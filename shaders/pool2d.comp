// Maximum and average over windows, one unit of the output per invocation. Lanes past the last channel stay zero by themselves.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/types.glsl"
#include "lib/group.glsl"
#include "lib/quant.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint AVERAGE = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint COUNT_PADDING = 0;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
#if defined(A_f32) || defined(A_f16)
layout(set = 0, binding = 1) writeonly buffer Y { A_UNIT y[]; };
#else
layout(set = 0, binding = 1) readonly buffer Factors { ivec2 factors[]; };  // multiplier and shift of each window count
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
#endif
layout(push_constant) uniform Push { PoolParams p; };

// Taps of a window at `first` with coordinates in [0, size), or in [low, high) of the padded input.
int taps_inside(int first, int kernel, int dilation, int low, int high) {
  const int begin = first >= low ? 0 : (low - first + dilation - 1) / dilation;
  const int end = min(kernel, (high - first + dilation - 1) / dilation);
  return max(end - begin, 0);
}

A_VALUE average(A_VALUE sum, int count) {
#if defined(A_f32) || defined(A_f16)
  return sum / float(count);
#else
  const ivec2 factor = factors[count];
  return add_zero_point(requantize(sum, ivec4(factor.x), ivec4(factor.y)), p.zero_y, p.out_min, p.out_max);
#endif
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint row = u / p.out_w;
  const uint plane = row / p.out_h;
  const int top = int(row - plane * p.out_h) * p.stride_h - p.pad_top;
  const int left = int(u - row * p.out_w) * p.stride_w - p.pad_left;
  const int base = int(plane) * p.in_h * p.in_w;
#if defined(A_f32) || defined(A_f16)
  A_VALUE result = AVERAGE != 0 ? A_VALUE(0.0) : A_VALUE(-1.0 / 0.0);
#else
  A_VALUE result = AVERAGE != 0 ? A_VALUE(0) : A_VALUE(-128);
#endif
  for (int ky = 0; ky < p.kernel_h; ++ky) {
    const int iy = top + ky * p.dilation_h;
    if (iy < 0 || iy >= p.in_h) continue;
    for (int kx = 0; kx < p.kernel_w; ++kx) {
      const int ix = left + kx * p.dilation_w;
      if (ix < 0 || ix >= p.in_w) continue;
      const A_VALUE v = a_decode(x[base + iy * p.in_w + ix]);
      if (AVERAGE != 0) {
        result += v - A_VALUE(p.zero_x);
      } else {
        result = max(result, v);
      }
    }
  }
  if (AVERAGE != 0) {
    const bool padding = COUNT_PADDING != 0;
    const int rows = taps_inside(top, p.kernel_h, p.dilation_h, padding ? -p.pad_top : 0, p.in_h + (padding ? p.pad_bottom : 0));
    const int columns =
        taps_inside(left, p.kernel_w, p.dilation_w, padding ? -p.pad_left : 0, p.in_w + (padding ? p.pad_right : 0));
    result = average(result, max(rows * columns, 1));
  }
  y[u] = a_encode(result);
}

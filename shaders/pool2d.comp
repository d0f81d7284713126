// Maximum and average over windows, one unit of the output per invocation. Lanes past the last channel stay zero by
// themselves.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/quant.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint AVERAGE = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint COUNT_PADDING = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint DILATED = 1;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
#if defined(A_f32) || defined(A_f16)
layout(set = 0, binding = 1) writeonly buffer Y { A_UNIT y[]; };
#else
layout(set = 0, binding = 1) readonly buffer Factors { ivec2 factors[]; };  // multiplier and shift of each window count
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
#endif
layout(push_constant) uniform Push { PoolParams p; };

// First tap of a window at `first` that lies at `low` or behind it, and the first at `high` or behind it. Division is slow.
int taps_in(int distance, int dilation) { return DILATED != 0 ? (distance + dilation - 1) / dilation : distance; }
int first_tap(int first, int dilation, int low) { return taps_in(max(low - first, 0), dilation); }
int last_tap(int first, int kernel, int dilation, int high) {
  return min(kernel, taps_in(max(high - first, 0), dilation));
}
int taps_between(int first, int kernel, int dilation, int low, int high) {
  return max(last_tap(first, kernel, dilation, high) - first_tap(first, dilation, low), 0);
}

A_VALUE average(A_VALUE sum, int count) {
#if defined(A_f32) || defined(A_f16)
  return sum / float(count);
#else
  const ivec2 factor = factors[count];
  return add_zero_point(requantize(sum, ivec4(factor.x), ivec4(factor.y)), p.zero_y, p.out_min, p.out_max);
#endif
}

#if defined(A_f32) || defined(A_f16)
#define MAXIMUM_OF A_VALUE
MAXIMUM_OF lowest() { return A_VALUE(-1.0 / 0.0); }
MAXIMUM_OF comparable(A_UNIT unit) { return a_decode(unit); }
A_UNIT maximum_unit(MAXIMUM_OF v) { return a_encode(v); }
#else
// Bytes compare where they lie in the word: three as unsigned numbers, the highest with the word's sign.
#if defined(A_i8)
#define FLIP 0x00808080u
#else
#define FLIP 0x80000000u
#endif
#define MAXIMUM_OF ivec4
MAXIMUM_OF lowest() { return ivec4(0, 0, 0, int(0x80000000u)); }
MAXIMUM_OF comparable(uint unit) {
  return ivec4(int(unit ^ FLIP)) & ivec4(0xFF, 0xFF00, 0xFF0000, int(0xFF000000u));
}
uint maximum_unit(MAXIMUM_OF v) { return uint(v.x | v.y | v.z | v.w) ^ FLIP; }
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint row = divide(u, p.out_w);
  const uint plane = divide(row, p.out_h);
  const int top = int(row - plane * p.out_h) * p.stride_h - p.pad_top;
  const int left = int(u - row * p.out_w) * p.stride_w - p.pad_left;
  const int base = int(plane) * p.in_h * p.in_w;
  A_VALUE sum = A_VALUE(0);
  MAXIMUM_OF most = lowest();
  const int end_y = last_tap(top, p.kernel_h, p.dilation_h, p.in_h);
  const int begin_x = first_tap(left, p.dilation_w, 0);
  const int end_x = last_tap(left, p.kernel_w, p.dilation_w, p.in_w);
  for (int ky = first_tap(top, p.dilation_h, 0); ky < end_y; ++ky) {
    const int row_base = base + (top + ky * p.dilation_h) * p.in_w + left;
    for (int kx = begin_x; kx < end_x; ++kx) {
      const A_UNIT unit = x[row_base + kx * p.dilation_w];
      if (AVERAGE != 0) {
        sum += a_decode(unit) - A_VALUE(p.zero_x);
      } else {
        most = max(most, comparable(unit));
      }
    }
  }
  if (AVERAGE == 0) {
    y[u] = maximum_unit(most);
    return;
  }
  const bool padding = COUNT_PADDING != 0;
  const int rows =
      taps_between(top, p.kernel_h, p.dilation_h, padding ? -p.pad_top : 0, p.in_h + (padding ? p.pad_bottom : 0));
  const int columns =
      taps_between(left, p.kernel_w, p.dilation_w, padding ? -p.pad_left : 0, p.in_w + (padding ? p.pad_right : 0));
  y[u] = a_encode(average(sum, max(rows * columns, 1)));
}

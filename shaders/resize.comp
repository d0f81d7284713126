// Resampling of planes, one unit of the output per invocation. The table holds, for each output column and then for
// each output row, its taps: {input index, weight}; weights are float bits, or integers in units of 2^-10 for integer
// tensors.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/quant.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint TAPS = 1;  // 1 (nearest), 2 or 4 in each direction

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) readonly buffer Table { uvec2 taps[]; };
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
layout(push_constant) uniform Push { ResizeParams p; };

#if defined(A_f32) || defined(A_f16)
#define WEIGHT(word) uintBitsToFloat(word)
#else
#define WEIGHT(word) int(word)
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint row = divide(u, p.out_w);
  const uint column = u - row * p.out_w;
  const uint plane = divide(row, p.out_h);
  const uint base = plane * p.in_h * p.in_w;
  const uint first_row = (p.out_w + row - plane * p.out_h) * TAPS;
  if (TAPS == 1) {
    y[u] = x[base + taps[first_row].x * p.in_w + taps[column].x];
    return;
  }
  A_VALUE sum = A_VALUE(0);
  if (TAPS == 2) {
    // Written out: the common case, and twice as fast as the loop.
    const uvec2 x0 = taps[2 * column];
    const uvec2 x1 = taps[2 * column + 1];
    const uvec2 y0 = taps[first_row];
    const uvec2 y1 = taps[first_row + 1];
    const uint row0 = base + y0.x * p.in_w;
    const uint row1 = base + y1.x * p.in_w;
    const A_VALUE zero = A_VALUE(p.zero);
    const A_VALUE line0 =
        WEIGHT(x0.y) * (a_decode(x[row0 + x0.x]) - zero) + WEIGHT(x1.y) * (a_decode(x[row0 + x1.x]) - zero);
    const A_VALUE line1 =
        WEIGHT(x0.y) * (a_decode(x[row1 + x0.x]) - zero) + WEIGHT(x1.y) * (a_decode(x[row1 + x1.x]) - zero);
    sum = WEIGHT(y0.y) * line0 + WEIGHT(y1.y) * line1;
  } else {
    for (uint ky = 0; ky < TAPS; ++ky) {
      const uvec2 tap_y = taps[first_row + ky];
      A_VALUE line = A_VALUE(0);
      for (uint kx = 0; kx < TAPS; ++kx) {
        const uvec2 tap_x = taps[column * TAPS + kx];
        line += WEIGHT(tap_x.y) * (a_decode(x[base + tap_y.x * p.in_w + tap_x.x]) - A_VALUE(p.zero));
      }
      sum += WEIGHT(tap_y.y) * line;
    }
  }
#if !defined(A_f32) && !defined(A_f16)
  const ivec4 q = ivec4(round_shift(sum.x, p.shift), round_shift(sum.y, p.shift), round_shift(sum.z, p.shift),
                        round_shift(sum.w, p.shift));
  sum = add_zero_point(q, p.zero, p.out_min, p.out_max);
#endif
  y[u] = a_encode(sum);
}

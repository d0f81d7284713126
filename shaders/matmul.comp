// y[b, m, n] = sum over k of a[b, m, k] * b[b, k, n]; all rows blocked along their last axis. One invocation makes four
// rows of one unit (4 x 4). TRANSPOSED: b is [b, n, k]. Batches that are broadcast have stride 0.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint TRANSPOSED = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const int AXES = 1;
layout(constant_id = NBL_SPEC_OWN + 2) const uint MASK = 1;

layout(set = 0, binding = 0) readonly buffer A { A_UNIT a[]; };
layout(set = 0, binding = 1) readonly buffer B { A_UNIT b[]; };
layout(set = 0, binding = 2) writeonly buffer Y { A_UNIT y[]; };
layout(push_constant) uniform Push { MatMulParams p; };

void main() {
  const uint u = linear_invocation();
  if (u >= p.tiles) return;
  const uint tile = divide(u, p.column_blocks);
  const uint column = u - tile * p.column_blocks;
  const uint batch = divide(tile, p.row_blocks);
  const uint row = 4 * (tile - batch * p.row_blocks);
  uint rest = batch;
  uint base_a = 0;
  uint base_b = 0;
  for (int axis = AXES - 1; axis > 0; --axis) {
    const uint next = divide(rest, p.size[axis]);
    const uint coordinate = rest - next * p.size[axis];
    base_a += coordinate * p.stride_a[axis];
    base_b += coordinate * p.stride_b[axis];
    rest = next;
  }
  base_a += rest * p.stride_a[0];
  base_b += rest * p.stride_b[0];

  // Rows past the last one repeat it and are not stored.
  const uint last = p.rows - 1;
  const uvec4 row_a = base_a + min(uvec4(row, row + 1, row + 2, row + 3), uvec4(last)) * p.inner_blocks;
  vec4 s0 = vec4(0.0), s1 = vec4(0.0), s2 = vec4(0.0), s3 = vec4(0.0);
  for (uint k = 0; k < p.inner_blocks; ++k) {
    const vec4 a0 = a_decode(a[row_a.x + k]);
    const vec4 a1 = a_decode(a[row_a.y + k]);
    const vec4 a2 = a_decode(a[row_a.z + k]);
    const vec4 a3 = a_decode(a[row_a.w + k]);
    vec4 b0, b1, b2, b3;
    if (TRANSPOSED != 0) {
      const uvec4 row_b = base_b + min(4 * column + uvec4(0, 1, 2, 3), uvec4(p.columns - 1)) * p.inner_blocks + k;
      const mat4 t =
          transpose(mat4(a_decode(b[row_b.x]), a_decode(b[row_b.y]), a_decode(b[row_b.z]), a_decode(b[row_b.w])));
      b0 = t[0];
      b1 = t[1];
      b2 = t[2];
      b3 = t[3];
    } else {
      // Rows of b past the inner size meet lanes of a that hold zero; they are read as the last row, to stay inside.
      const uvec4 row_b = base_b + min(4 * k + uvec4(0, 1, 2, 3), uvec4(p.inner - 1)) * p.column_blocks + column;
      b0 = a_decode(b[row_b.x]);
      b1 = a_decode(b[row_b.y]);
      b2 = a_decode(b[row_b.z]);
      b3 = a_decode(b[row_b.w]);
    }
    s0 += a0.x * b0 + a0.y * b1 + a0.z * b2 + a0.w * b3;
    s1 += a1.x * b0 + a1.y * b1 + a1.z * b2 + a1.w * b3;
    s2 += a2.x * b0 + a2.y * b1 + a2.z * b2 + a2.w * b3;
    s3 += a3.x * b0 + a3.y * b1 + a3.z * b2 + a3.w * b3;
  }
  if (MASK != 0) {
    s0 = mask_lanes(s0, column, p.columns);
    s1 = mask_lanes(s1, column, p.columns);
    s2 = mask_lanes(s2, column, p.columns);
    s3 = mask_lanes(s3, column, p.columns);
  }
  const uint target = (batch * p.rows + row) * p.column_blocks + column;
  y[target] = a_encode(s0);
  if (row + 1 < p.rows) y[target + p.column_blocks] = a_encode(s1);
  if (row + 2 < p.rows) y[target + 2 * p.column_blocks] = a_encode(s2);
  if (row + 3 < p.rows) y[target + 3 * p.column_blocks] = a_encode(s3);
}

// z = f(x, y) with broadcasting, one unit of z per invocation. Loop axes are in the push constants, outermost first.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/activation.glsl"
#include "lib/group.glsl"
#include "lib/lanes.glsl"
#include "lib/quant.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const int KIND = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const int AXES = 1;
layout(constant_id = NBL_SPEC_OWN + 2) const uint SPLAT_X = 0;  // x has size 1 along z's blocked axis: lane 0 counts
layout(constant_id = NBL_SPEC_OWN + 3) const uint SPLAT_Y = 0;
layout(constant_id = NBL_SPEC_OWN + 4) const uint MASK = 1;

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
layout(set = 0, binding = 1) readonly buffer Y { A_UNIT y[]; };
layout(set = 0, binding = 2) writeonly buffer Z { A_UNIT z[]; };
layout(push_constant) uniform Push { BinaryParams p; };

#if defined(A_i8)
int combine(int vx, int vy) {
  const int dx = vx - p.zero_x;
  const int dy = vy - p.zero_y;
  int v;
  if (KIND == 2) {
    v = requantize(dx * dy, p.multiplier_x, p.shift);
  } else {
    v = round_shift(dx * p.multiplier_x + (KIND == 1 ? -dy : dy) * p.multiplier_y, p.shift);
  }
  return add_zero_point(v, p.zero_z, p.out_min, p.out_max);
}
#else
#if defined(A_i32)
#define NBL_T int
#else
#define NBL_T float
#endif
NBL_T combine(NBL_T x, NBL_T y) {
#if defined(A_i32)
  if (KIND == 3 && y == 0) return 0;  // not defined; must not trap
#endif
  switch (KIND) {
#define NBL_BINARY(id, name, formula) \
  case id:                            \
    return formula;
#include "binary.inc"
#undef NBL_BINARY
  }
  return x;
}
#undef NBL_T
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  uint rest = u;
  uint at_x = 0;
  uint at_y = 0;
  for (int axis = AXES - 1; axis > 0; --axis) {
    const uint next = divide(rest, p.size[axis]);
    const uint coordinate = rest - next * p.size[axis];
    at_x += coordinate * p.stride_x[axis];
    at_y += coordinate * p.stride_y[axis];
    rest = next;
  }
  at_x += rest * p.stride_x[0];
  at_y += rest * p.stride_y[0];
  A_VALUE vx = a_decode(x[at_x]);
  A_VALUE vy = a_decode(y[at_y]);
  if (SPLAT_X != 0) vx = A_VALUE(vx.x);
  if (SPLAT_Y != 0) vy = A_VALUE(vy.x);
  A_VALUE value = A_VALUE(combine(vx.x, vy.x), combine(vx.y, vy.y), combine(vx.z, vy.z), combine(vx.w, vy.w));
#if defined(A_f32) || defined(A_f16)
  value = apply_activation(value, p.a, p.b);
  if (MASK != 0) value = mask_lanes(value, block_of(u, p.blocks, p.inner), p.channels);
#endif
  z[u] = a_encode(value);
}

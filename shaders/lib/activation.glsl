// The fused activation of float kernels (and Unary itself): formula ACT of unary.inc, chosen when the pipeline is made.
#ifndef NIBBLE_ACTIVATION_GLSL
#define NIBBLE_ACTIVATION_GLSL

#include "lib/scalar_math.glsl"
#include "params.h"

layout(constant_id = NBL_SPEC_ACT) const int ACT = 0;

#define NBL_T float
#define sin nbl_sin
#define cos nbl_cos
float apply_unary(float x, float a, float b) {
  switch (ACT) {
#define NBL_UNARY(id, name, formula) \
  case id:                           \
    return formula;
#include "unary.inc"
#undef NBL_UNARY
  }
  return x;
}
#undef NBL_T
#undef sin
#undef cos

vec4 apply_activation(vec4 x, float a, float b) {
  if (ACT == 0) return x;
  return vec4(apply_unary(x.x, a, b), apply_unary(x.y, a, b), apply_unary(x.z, a, b), apply_unary(x.w, a, b));
}

#endif

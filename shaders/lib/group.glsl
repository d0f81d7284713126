// Workgroup size from specialization constants and the linear index folded over x and y groups (counts are limited to
// 65,535 per dimension).
#ifndef NIBBLE_GROUP_GLSL
#define NIBBLE_GROUP_GLSL

#include "params.h"

layout(local_size_x_id = NBL_SPEC_LOCAL_X, local_size_y_id = NBL_SPEC_LOCAL_Y, local_size_z_id = NBL_SPEC_LOCAL_Z) in;

// n / d for n below 2^31 and d from 1 on, exact. Many devices, and all software ones, divide integers one lane at a
// time; this is two estimates in floats (the second of what the first left, at most n * 2^-21 + d) and a correction by
// one.
uint divide(uint n, uint d) {
  const float inverse = 1.0 / float(d);
  const uint first = uint(float(n) * inverse);
  const uint q = first + uint(int(float(int(n - first * d)) * inverse));
  const int left = int(n - q * d);
  return left < 0 ? q - 1u : (left >= int(d) ? q + 1u : q);
}

// The block (of the blocked axis) that unit u of [outer][blocks][inner] belongs to.
uint block_of(uint u, uint blocks, uint inner) {
  const uint plane = divide(u, inner);
  return plane - divide(plane, blocks) * blocks;
}

uint linear_group() { return gl_WorkGroupID.x + gl_NumWorkGroups.x * gl_WorkGroupID.y; }
uint linear_invocation() { return linear_group() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }

#endif

// Workgroup size from specialization constants and the linear index folded over x and y groups (counts are limited to
// 65,535 per dimension).
#ifndef NIBBLE_GROUP_GLSL
#define NIBBLE_GROUP_GLSL

#include "params.h"

layout(local_size_x_id = NBL_SPEC_LOCAL_X, local_size_y_id = NBL_SPEC_LOCAL_Y, local_size_z_id = NBL_SPEC_LOCAL_Z) in;

uint linear_group() { return gl_WorkGroupID.x + gl_NumWorkGroups.x * gl_WorkGroupID.y; }
uint linear_invocation() { return linear_group() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }

#endif

// Lanes past the last channel hold zero in float tensors.
#ifndef NIBBLE_LANES_GLSL
#define NIBBLE_LANES_GLSL

vec4 mask_lanes(vec4 value, uint block, uint channels) {
  const uvec4 lane = uvec4(0, 1, 2, 3) + 4u * block;
  return mix(vec4(0.0), value, lessThan(lane, uvec4(channels)));
}

// Lanes of integer tensors past the last channel may hold anything.
ivec4 mask_lanes(ivec4 value, uint block, uint channels) { return value; }

#endif

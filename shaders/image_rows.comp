// Scales pictures of words (see image_read.comp) along their rows, by weights in fixed point: to the bit what
// engine/media/resample.cpp computes. One pixel per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "image_params.h"
#include "lib/group.glsl"
#include "lib/image_taps.glsl"

layout(set = 0, binding = 0) readonly buffer Words { uint words[]; };
layout(set = 0, binding = 1) readonly buffer Table { uint table[]; };
layout(set = 0, binding = 2) writeonly buffer Scaled { uint scaled[]; };
layout(push_constant) uniform Push { ImageRowsParams p; };

void main() {
  const uint at = linear_invocation();
  if (at >= p.width * p.height) return;
  const uint y = divide(at, p.width);
  const uint x = at - y * p.width + p.first;
  const uint from = table[p.taps + 2 * x];
  const uint count = table[p.taps + 2 * x + 1];
  ivec3 sum = ivec3(NBL_IMAGE_HALF);
  for (uint i = 0; i < count; ++i) {
    sum += int(table[p.weights + x * p.stride + i]) * ivec3(image_bytes(words[y * p.pitch + from + i]));
  }
  const uvec3 bytes = image_rounded(sum);
  scaled[at] = bytes.r | bytes.g << 8 | bytes.b << 16;
}

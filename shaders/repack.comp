// The same elements in row-major order in another layout: between flat and blocked, between blocked axes, and for Reshape.
// Both sides are [outer][channels][inner]; flat is [1][elements][1]. One unit of the target per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/raw.glsl"
#include "lib/group.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint FROM_LINEAR = 0;   // the source is one row: element = linear index
layout(constant_id = NBL_SPEC_OWN + 1) const uint TO_FLAT = 0;   // the target has no padding at its end

layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { RAW_UNIT y[]; };
layout(set = 0, binding = 1) writeonly buffer YWords { uint y_words[]; };
layout(push_constant) uniform Push { RepackParams p; };

uint source(uint linear) {
  if (FROM_LINEAR != 0) return LOAD_RAW(x, linear);
  const uint row = linear / p.from_inner;
  const uint inner = linear - row * p.from_inner;
  const uint outer = row / p.from_channels;
  const uint channel = row - outer * p.from_channels;
  const uint element = ((outer * p.from_blocks + (channel >> 2)) * p.from_inner + inner) * 4 + (channel & 3u);
  return LOAD_RAW(x, element);
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  if (TO_FLAT != 0) {
    uvec4 lanes = uvec4(0);
    const uint count = min(p.elements - 4 * u, 4u);
    for (uint lane = 0; lane < count; ++lane) lanes[lane] = source(4 * u + lane);
#if defined(A_f32)
    for (uint lane = 0; lane < count; ++lane) y_words[4 * u + lane] = lanes[lane];
#elif defined(A_f16)
    y_words[2 * u] = pack_raw(lanes).x;
    if (count > 2) y_words[2 * u + 1] = pack_raw(lanes).y;
#else
    y_words[u] = pack_raw(lanes);
#endif
    return;
  }
  const uint row = u / p.to_inner;
  const uint inner = u - row * p.to_inner;
  const uint outer = row / p.to_blocks;
  const uint channel = 4 * (row - outer * p.to_blocks);
  const uint first = (outer * p.to_channels + channel) * p.to_inner + inner;
  uvec4 lanes = uvec4(0);
  const uint count = min(p.to_channels - channel, 4u);
  for (uint lane = 0; lane < count; ++lane) lanes[lane] = source(first + lane * p.to_inner);
  y[u] = pack_raw(lanes);
}

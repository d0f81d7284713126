// The same elements in row-major order in another layout: between flat and blocked, between blocked axes, and for
// Reshape. Both sides are [outer][channels][inner]; flat is [1][elements][1]. One unit of the target per invocation, or
// (SCATTER, 32-bit elements to a flat target) one unit of the source.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/raw.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint FROM_LINEAR = 0;  // the source is one row: element = linear index
layout(constant_id = NBL_SPEC_OWN + 1) const uint TO_FLAT = 0;  // the target has no padding at its end
layout(constant_id = NBL_SPEC_OWN + 2) const uint SCATTER = 0;

layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 0) readonly buffer XUnits { RAW_UNIT x_units[]; };
layout(set = 0, binding = 1) writeonly buffer Y { RAW_UNIT y[]; };
layout(set = 0, binding = 1) writeonly buffer YWords { uint y_words[]; };
layout(push_constant) uniform Push { RepackParams p; };

struct Place {
  uint outer, channel, inner;
};

Place place_of(uint linear) {
  const uint row = divide(linear, p.from_inner);
  const uint outer = divide(row, p.from_channels);
  return Place(outer, row - outer * p.from_channels, linear - row * p.from_inner);
}

uint element_at(Place at) {
  const uint element =
      ((at.outer * p.from_blocks + (at.channel >> 2)) * p.from_inner + at.inner) * 4 + (at.channel & 3u);
  return LOAD_RAW(x, element);
}

uint source(uint linear) {
  if (FROM_LINEAR != 0) return LOAD_RAW(x, linear);
  return element_at(place_of(linear));
}

// `count` elements that follow each other in row-major order: one division for all of them.
uvec4 sequence(uint linear, uint count) {
  uvec4 lanes = uvec4(0);
  if (FROM_LINEAR != 0) {
    for (uint lane = 0; lane < count; ++lane) lanes[lane] = LOAD_RAW(x, linear + lane);
    return lanes;
  }
  Place at = place_of(linear);
  for (uint lane = 0; lane < count; ++lane) {
    lanes[lane] = element_at(at);
    if (++at.inner == p.from_inner) {
      at.inner = 0;
      if (++at.channel == p.from_channels) {
        at.channel = 0;
        ++at.outer;
      }
    }
  }
  return lanes;
}

void write_flat(uint u) {
  const uint count = min(p.elements - 4 * u, 4u);
  const uvec4 lanes = sequence(4 * u, count);
#if defined(A_f32)
  for (uint lane = 0; lane < count; ++lane) y_words[4 * u + lane] = lanes[lane];
#elif defined(A_f16)
  y_words[2 * u] = pack_raw(lanes).x;
  if (count > 2) y_words[2 * u + 1] = pack_raw(lanes).y;
#else
  y_words[u] = pack_raw(lanes);
#endif
}

#if defined(A_f32)
void scatter(uint u) {
  const uint row = divide(u, p.from_inner);
  const uint inner = u - row * p.from_inner;
  const uint outer = divide(row, p.from_blocks);
  const uint channel = 4 * (row - outer * p.from_blocks);
  const uint first = (outer * p.from_channels + channel) * p.from_inner + inner;
  const uvec4 lanes = x_units[u];
  const uint count = min(p.from_channels - channel, 4u);
  for (uint lane = 0; lane < count; ++lane) y_words[first + lane * p.from_inner] = lanes[lane];
}
#endif

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
#if defined(A_f32)
  if (SCATTER != 0) {
    scatter(u);
    return;
  }
#endif
  if (TO_FLAT != 0) {
    write_flat(u);
    return;
  }
  const uint row = divide(u, p.to_inner);
  const uint inner = u - row * p.to_inner;
  const uint outer = divide(row, p.to_blocks);
  const uint channel = 4 * (row - outer * p.to_blocks);
  const uint first = (outer * p.to_channels + channel) * p.to_inner + inner;
  uvec4 lanes = uvec4(0);
  const uint count = min(p.to_channels - channel, 4u);
  if (p.to_inner == 1) {
    lanes = sequence(first, count);
  } else {
    for (uint lane = 0; lane < count; ++lane) lanes[lane] = source(first + lane * p.to_inner);
  }
  y[u] = pack_raw(lanes);
}

// Channels of two sources in turns, y[c] = (c even ? x0 : x1)[c / 2], from some channel on: what a channel shuffle of two
// groups and the Slices behind it leave of the images that were joined before it. Two units of y per invocation, so that
// the lanes they come from are the same everywhere.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/raw.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint FIRST = 0;       // c of the first lane: 0 to 7
layout(constant_id = NBL_SPEC_OWN + 1) const uint PHASE_0 = 0; // lane in which channel 0 of x0 lies
layout(constant_id = NBL_SPEC_OWN + 2) const uint PHASE_1 = 0;
layout(constant_id = NBL_SPEC_OWN + 3) const uint MASK = 0;    // lanes past the last channel become zero

layout(set = 0, binding = 0) readonly buffer X0 { RAW_UNIT x0[]; };
layout(set = 0, binding = 1) readonly buffer X1 { RAW_UNIT x1[]; };
layout(set = 0, binding = 2) writeonly buffer Y { RAW_UNIT y[]; };
layout(push_constant) uniform Push { ShuffleParams p; };

// Channel of its source that lane l of the two units is, counted from the first unit that is read.
#define PLACE(l) ((FIRST + l) / 2u + ((FIRST + l) % 2u != 0u ? PHASE_1 : PHASE_0))
// Whether unit n is between those of the first and the last lane.
#define IS_READ(n, phase) (n >= (FIRST / 2u + phase) / 4u && n <= ((FIRST + 7u) / 2u + phase) / 4u)
#define FETCH(n)                                                                                                      \
  if (IS_READ(n, PHASE_0)) from0[n] = unpack_raw(x0[base0 + min(first0 + n, p.x0_blocks - 1u) * p.inner]);            \
  if (IS_READ(n, PHASE_1)) from1[n] = unpack_raw(x1[base1 + min(first1 + n, p.x1_blocks - 1u) * p.inner]);
#define LANE(l) \
  ((FIRST + l) % 2u != 0u ? from1[PLACE(l) / 4u][PLACE(l) % 4u] : from0[PLACE(l) / 4u][PLACE(l) % 4u])

uvec4 masked(uvec4 lanes, uint channel) {
  if (MASK == 0) return lanes;
  return mix(uvec4(0), lanes, lessThan(uvec4(channel) + uvec4(0, 1, 2, 3), uvec4(p.channels)));
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint pairs = (p.blocks + 1u) / 2u;
  const uint row = divide(u, p.inner);
  const uint pixel = u - row * p.inner;
  const uint image = divide(row, pairs);
  const uint pair = row - image * pairs;
  const uint base0 = image * p.x0_blocks * p.inner + pixel;
  const uint base1 = image * p.x1_blocks * p.inner + pixel;
  const uint first0 = p.x0_first + pair;
  const uint first1 = p.x1_first + pair;
  uvec4 from0[3];
  uvec4 from1[3];
  FETCH(0u)
  FETCH(1u)
  FETCH(2u)
  const uint at = (image * p.blocks + 2u * pair) * p.inner + pixel;
  y[at] = pack_raw(masked(uvec4(LANE(0u), LANE(1u), LANE(2u), LANE(3u)), 8u * pair));
  if (2u * pair + 1u < p.blocks) {
    y[at + p.inner] = pack_raw(masked(uvec4(LANE(4u), LANE(5u), LANE(6u), LANE(7u)), 8u * pair + 4u));
  }
}

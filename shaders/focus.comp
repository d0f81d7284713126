// Parts of one image of 4 channels or fewer, channel after channel: y[part * C + c] = x[c] at pixels that lie a step apart,
// from each part's first one on. One pixel of all channels per invocation, so that the lanes they come from are the
// same everywhere.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/raw.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint CHANNELS = 3;      // of x, 1 to 4
layout(constant_id = NBL_SPEC_OWN + 1) const uint PARTS = 4;     // 2 to 4
layout(constant_id = NBL_SPEC_OWN + 2) const bool FLAT = false;  // x is flat, else one block

layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 0) readonly buffer XUnits { RAW_UNIT x_units[]; };
layout(set = 0, binding = 1) writeonly buffer Y { RAW_UNIT y[]; };
layout(push_constant) uniform Push { FocusParams p; };

uint element(uint image, uint channel, uint pixel) {
  const uint e = (image * CHANNELS + channel) * p.plane + pixel;
  return LOAD_RAW(x, e);
}

uvec4 load_pixel(uint image, uint pixel) {
  if (!FLAT) return unpack_raw(x_units[image * p.plane + pixel]);
  uvec4 lanes = uvec4(element(image, 0u, pixel), 0u, 0u, 0u);
  if (CHANNELS > 1u) lanes.y = element(image, 1u, pixel);
  if (CHANNELS > 2u) lanes.z = element(image, 2u, pixel);
  if (CHANNELS > 3u) lanes.w = element(image, 3u, pixel);
  return lanes;
}

// Channel k of y; constant after specialization.
#define LANE(k) (k < PARTS * CHANNELS ? part[min(k / CHANNELS, PARTS - 1u)][k % CHANNELS] : 0u)
#define STORE(b) \
  if (4u * b < PARTS * CHANNELS) \
    y[at + b * p.inner] = pack_raw(uvec4(LANE((4u * b)), LANE((4u * b + 1u)), LANE((4u * b + 2u)), LANE((4u * b + 3u))));

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  const uint image = divide(u, p.inner);
  const uint to = u - image * p.inner;
  const uint oy = divide(to, p.out_w);
  const uint from = oy * p.row_step + (to - oy * p.out_w) * p.step;
  uvec4 part[4];
  part[0] = load_pixel(image, from + p.first0);
  part[1] = load_pixel(image, from + p.first1);
  if (PARTS > 2u) part[2] = load_pixel(image, from + p.first2);
  if (PARTS > 3u) part[3] = load_pixel(image, from + p.first3);
  const uint blocks = (PARTS * CHANNELS + 3u) / 4u;
  const uint at = image * blocks * p.inner + to;
  STORE(0u)
  STORE(1u)
  STORE(2u)
  STORE(3u)
}

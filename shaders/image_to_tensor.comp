// A picture of words (see image_read.comp) into a tensor: scaled along its columns or in both directions, laid in its
// place, and each byte turned into an element by a table of its channel. One word of the tensor per invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "image_params.h"
#include "lib/group.glsl"
#include "lib/image_taps.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint SCALING = NBL_IMAGE_AS_IS;
layout(constant_id = NBL_SPEC_OWN + 1) const uint ELEMENT_BYTES = 4;
layout(constant_id = NBL_SPEC_OWN + 2) const uint CHANNELS_LAST = 0;

layout(set = 0, binding = 0) readonly buffer Words { uint words[]; };
layout(set = 0, binding = 1) readonly buffer Table { uint table[]; };
layout(set = 0, binding = 2) writeonly buffer Tensor { uint tensor[]; };
layout(push_constant) uniform Push { ImageToTensorParams p; };

uint word_at(uint x, uint y) { return words[(y - p.first_row) * p.pitch + x - p.first_column]; }

// Columns and rows that lie around each other, and the weight of the second, as floats.
uvec3 bilinear(uint x, uint y) {
  const uint column = p.taps + 3 * x;
  const uint row = p.weights + 3 * y;
  const float across = uintBitsToFloat(table[column + 2]);
  const float down = uintBitsToFloat(table[row + 2]);
  const vec3 upper = vec3(image_bytes(word_at(table[column], table[row]))) * (1.0 - across) +
                     vec3(image_bytes(word_at(table[column + 1], table[row]))) * across;
  const vec3 lower = vec3(image_bytes(word_at(table[column], table[row + 1]))) * (1.0 - across) +
                     vec3(image_bytes(word_at(table[column + 1], table[row + 1]))) * across;
  return uvec3(upper * (1.0 - down) + lower * down + 0.5);
}

uvec3 columns(uint x, uint y) {
  const uint from = table[p.taps + 2 * y];
  const uint count = table[p.taps + 2 * y + 1];
  ivec3 sum = ivec3(NBL_IMAGE_HALF);
  for (uint i = 0; i < count; ++i) {
    sum += int(table[p.weights + y * p.stride + i]) * ivec3(image_bytes(word_at(x, from + i)));
  }
  return image_rounded(sum);
}

uvec3 pixel(uint out_x, uint out_y) {
  const int x = int(out_x) - p.place_x;
  const int y = int(out_y) - p.place_y;
  if (x < 0 || y < 0 || x >= int(p.picture_w) || y >= int(p.picture_h)) return image_bytes(p.fill);
  if (SCALING == NBL_IMAGE_BILINEAR) return bilinear(uint(x), uint(y));
  if (SCALING == NBL_IMAGE_COLUMNS) return columns(uint(x), uint(y));
  return image_bytes(word_at(uint(x), uint(y)));
}

uint element(uint at) {
  uint x, y, channel;
  if (CHANNELS_LAST != 0) {
    const uint place = divide(at, p.channels);
    channel = at - place * p.channels;
    y = divide(place, p.out_w);
    x = place - y * p.out_w;
  } else {
    const uint row = divide(at, p.out_w);
    x = at - row * p.out_w;
    channel = divide(row, p.out_h);
    y = row - channel * p.out_h;
  }
  const uvec3 bytes = pixel(x, y);
  return table[p.values + 256 * channel + (channel == 0 ? bytes.r : (channel == 1 ? bytes.g : bytes.b))];
}

void main() {
  const uint word = linear_invocation();
  if (word >= p.words) return;
  const uint count = 4 / ELEMENT_BYTES;
  uint value = 0;
  for (uint i = 0; i < count; ++i) {
    const uint at = word * count + i;
    if (at < p.elements) value |= element(at) << (8 * ELEMENT_BYTES * i);
  }
  tensor[word] = value;
}

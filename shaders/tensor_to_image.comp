// A tensor of one, three or four channels as pixels; or the colour of the class that is largest, or that it names, from
// a palette. One pixel per invocation, to a storage image or to words that are copied into an image.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "image_params.h"
#include "lib/group.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint CONTENTS = NBL_IMAGE_PICTURE;
layout(constant_id = NBL_SPEC_OWN + 1) const uint TYPE = NBL_IMAGE_F32;
layout(constant_id = NBL_SPEC_OWN + 2) const uint CHANNELS_LAST = 0;
layout(constant_id = NBL_SPEC_OWN + 3) const uint BLUE_FIRST = 0;
layout(constant_id = NBL_SPEC_OWN + 4) const uint DECODE = 0;
layout(constant_id = NBL_SPEC_OWN + 5) const uint FORMAT = NBL_IMAGE_RGBA8;

layout(set = 0, binding = 0) readonly buffer Tensor { uint tensor[]; };
layout(set = 0, binding = 1) readonly buffer Palette { uint palette[]; };
#ifdef TARGET
layout(set = 0, binding = 2, TARGET) writeonly uniform image2D image;
#else
layout(set = 0, binding = 2) writeonly buffer Words { uint words[]; };
#endif
layout(push_constant) uniform Push { TensorToImageParams p; };

uint index_of(uint channel, uint at) {
  return CHANNELS_LAST != 0 ? at * p.channels + channel : channel * p.width * p.height + at;
}

int stored(uint index) {
  if (TYPE == NBL_IMAGE_I32) return int(tensor[index]);
  const uint word = tensor[index >> 2] >> (8 * (index & 3));
  return TYPE == NBL_IMAGE_I8 ? int(word << 24) >> 24 : int(word & 0xFFu);
}

float value_at(uint index) {
  if (TYPE == NBL_IMAGE_F32) return uintBitsToFloat(tensor[index]);
  if (TYPE == NBL_IMAGE_F16) {
    const vec2 pair = unpackHalf2x16(tensor[index >> 1]);
    return (index & 1) != 0 ? pair.y : pair.x;
  }
  return float(stored(index) - p.zero);
}

// 0 to 255, not rounded yet; what is no number is 0.
float level(uint channel, uint at) {
  const float value = value_at(index_of(channel, at)) * p.scale + p.offset;
  return value > 0.0 ? min(value, 255.0) : 0.0;
}

vec4 picture(uint at) {
  vec4 color = vec4(level(0, at));
  if (p.channels > 1) color.yz = vec2(level(1, at), level(2, at));
  color.w = p.channels == 4 ? level(3, at) : float(p.alpha);
  return BLUE_FIRST != 0 ? color.bgra : color;
}

vec4 of_class(uint at) {
  uint best = 0;
  if (CONTENTS == NBL_IMAGE_CLASSES) {
    const bool is_float = TYPE == NBL_IMAGE_F32 || TYPE == NBL_IMAGE_F16;
    best = uint(max(is_float ? int(value_at(at)) : stored(at), 0));
  } else {
    float most = value_at(index_of(0, at));
    for (uint channel = 1; channel < p.channels; ++channel) {
      const float value = value_at(index_of(channel, at));
      if (value > most) {
        most = value;
        best = channel;
      }
    }
  }
  const uint word = palette[min(best, p.colors - 1)];
  return vec4(uvec4(word, word >> 8, word >> 16, word >> 24) & 0xFFu);
}

// IEC 61966-2-1.
vec3 light_of(vec3 srgb) {
  return mix(pow((srgb + 0.055) / 1.055, vec3(2.4)), srgb / 12.92, lessThanEqual(srgb, vec3(0.04045)));
}

void main() {
  const uint at = linear_invocation();
  if (at >= p.width * p.height) return;
  vec4 color = CONTENTS == NBL_IMAGE_PICTURE ? picture(at) : of_class(at);
  const uvec4 bytes = uvec4(color + 0.5);
  color /= 255.0;
  if (DECODE != 0) color.rgb = light_of(color.rgb);
#ifdef TARGET
  const uint y = divide(at, p.width);
  const ivec2 place = ivec2(p.x + int(at - y * p.width), p.y + int(y));
#ifdef TARGET_BYTES
  imageStore(image, place, vec4(bytes) / 255.0);
#else
  imageStore(image, place, color);
#endif
#else
  if (FORMAT == NBL_IMAGE_RGBA16F) {
    words[2 * at] = packHalf2x16(color.rg);
    words[2 * at + 1] = packHalf2x16(color.ba);
    return;
  }
  const uvec4 ordered = FORMAT == NBL_IMAGE_BGRA8 ? bytes.bgra : bytes;
  words[at] = ordered.r | ordered.g << 8 | ordered.b << 16 | ordered.a << 24;
#endif
}

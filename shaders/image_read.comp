// Pixels of an image as words of three bytes (red, green, blue; blue first; or luma in all): what an 8-bit picture file
// of the same picture would hold. One pixel per invocation. Reads a sampled image, a storage image, or a copy of an
// image in a buffer.
#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef SOURCE_SAMPLED
#extension GL_EXT_samplerless_texture_functions : require
#endif
#include "image_params.h"
#include "lib/group.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint COLOR = NBL_IMAGE_RGB;
layout(constant_id = NBL_SPEC_OWN + 1) const uint ENCODE = 0;
layout(constant_id = NBL_SPEC_OWN + 2) const uint FORMAT = NBL_IMAGE_RGBA8;

layout(set = 0, binding = 0) writeonly buffer Words { uint words[]; };
#if defined(SOURCE_SAMPLED)
layout(set = 0, binding = 1) uniform texture2D image;
#elif defined(SOURCE_STORAGE)
layout(set = 0, binding = 1, SOURCE_STORAGE) readonly uniform image2D image;
#else
layout(set = 0, binding = 1) readonly buffer Copy { uint copied[]; };
#endif
layout(push_constant) uniform Push { ImageReadParams p; };

// IEC 61966-2-1.
vec3 srgb_of(vec3 light) {
  return mix(1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, 12.92 * light, lessThanEqual(light, vec3(0.0031308)));
}

uvec3 bytes_of(vec3 value) {
  value = clamp(value, 0.0, 1.0);
  if (ENCODE != 0) value = srgb_of(value);
  return uvec3(value * 255.0 + 0.5);
}

uvec3 pixel(uint x, uint y) {
#if defined(SOURCE_SAMPLED)
  return bytes_of(texelFetch(image, ivec2(p.x + int(x), p.y + int(y)), 0).rgb);
#elif defined(SOURCE_STORAGE)
  return bytes_of(imageLoad(image, ivec2(p.x + int(x), p.y + int(y))).rgb);
#else
  const uint at = y * p.width + x;
  if (FORMAT == NBL_IMAGE_RGBA16F) {
    return bytes_of(vec3(unpackHalf2x16(copied[2 * at]), unpackHalf2x16(copied[2 * at + 1]).x));
  }
  const uint word = copied[at];
  const uvec3 bytes = uvec3(word, word >> 8, word >> 16) & 0xFFu;
  return FORMAT == NBL_IMAGE_BGRA8 ? bytes.bgr : bytes;
#endif
}

void main() {
  const uint at = linear_invocation();
  if (at >= p.width * p.height) return;
  const uint y = divide(at, p.width);
  uvec3 bytes = pixel(at - y * p.width, y);
  if (COLOR == NBL_IMAGE_BGR) bytes = bytes.bgr;
  // ITU-R BT.601 in 16-bit fixed point, as engine/media/color.cpp has it.
  if (COLOR == NBL_IMAGE_LUMA) bytes = uvec3((bytes.r * 19595u + bytes.g * 38470u + bytes.b * 7471u + 0x8000u) >> 16);
  words[at] = bytes.r | bytes.g << 8 | bytes.b << 16;
}

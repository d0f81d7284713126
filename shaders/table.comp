// y = table[x] over the 256 values of a byte: one row, or one per channel of the blocked axis.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/types.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint PER_CHANNEL = 0;

layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1) readonly buffer Table { uint table[]; };
layout(set = 0, binding = 2) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push { TableParams p; };

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
#if defined(A_i8)
  uvec4 entry = uvec4(decode_i8(x[u]) + 128);
#else
  uvec4 entry = uvec4(decode_u8(x[u]));
#endif
  if (PER_CHANNEL != 0) {
    const uvec4 channel = uvec4(0, 1, 2, 3) + 4 * block_of(u, p.blocks, p.inner);
    entry += 256 * min(channel, uvec4(p.channels - 1));
  }
  const uvec4 shift = (entry & 3u) * 8u;
  const uvec4 word = uvec4(table[entry.x >> 2], table[entry.y >> 2], table[entry.z >> 2], table[entry.w >> 2]);
  y[u] = encode_i8(ivec4(word >> shift));
}

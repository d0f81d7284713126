// Convolution of any grouping with weights in any packing: groups that cut through blocks of 4 channels, several outputs a
// channel, transposed ones of those, and weights in plain order. One invocation computes one unit; correct before fast.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/conv_bindings.glsl"
#include "lib/conv_finish.glsl"

layout(constant_id = NBL_SPEC_CONV_PACKING) const uint PACKING = 0u;  // enum Packing: 0 plain, 1 blocked, 2 depthwise
layout(constant_id = NBL_SPEC_CONV_TRANSPOSED) const bool TRANSPOSED = false;

#if defined(A_i8)
#define SUM int
#else
#define SUM float
#endif

int signed_byte(uint index) { return bitfieldExtract(int(words[index / 4u]), int(index % 4u) * 8, 8); }

// The weight of output o and channel c of its group at a tap.
SUM load_weight(uint o, uint c, uint tap) {
  uint index;
  if (PACKING == 0u) {
    index = (o * p.in_blocks + c) * p.steps + tap;
  } else if (PACKING == 1u) {
    index = (((o / 4u * p.steps + tap) * ((p.in_blocks + 3u) / 4u) + c / 4u) * 4u + o % 4u) * 4u + c % 4u;
  } else {
    index = (o / 4u * p.steps + tap) * 4u + o % 4u;
  }
#if defined(W_f32)
  return uintBitsToFloat(words[index]);
#elif defined(W_f16)
  const vec2 pair = unpackHalf2x16(words[index / 2u]);
  return index % 2u == 0u ? pair.x : pair.y;
#elif defined(W_i8)
  return SUM(signed_byte(index));
#else
  if (PACKING == 0u) return SUM(signed_byte(index));
  // A block of 16 nibbles is two words: o%4 chooses the word and the half of the byte c%4.
  const uint word = words[index / 16u * 2u + o % 4u / 2u];
  return SUM(bitfieldExtract(int(word), int(c % 4u * 8u + o % 2u * 4u), 4));
#endif
}

#if defined(W_i4)
SUM group_factor(uint o, uint c, uint tap) {
  const uint channels = (p.in_blocks + 3u) / 4u * 4u;
  const uint group = (tap * channels + c) / (p.group_steps * 4u);
  const uint count = (p.steps * channels + p.group_steps * 4u - 1u) / (p.group_steps * 4u);
  const uint index = p.o_tiles == 0u ? o * count + group : (o / 4u * count + group) * 4u + o % 4u;
  return SUM(words[p.group_multiplier + index / 4u] >> index % 4u * 8u & 0xFFu);
}
#endif

SUM load_x(uint at, uint lane) {
#if defined(A_f32)
  return x[at][lane];
#elif defined(A_f16)
  return decode_f16(x[at])[lane];
#else
  return bitfieldExtract(int(x[at]), int(lane) * 8, 8);
#endif
}

// The position that tap k reads for output `out_at`; false where there is none.
bool input_position(uint out_at, uint k, uint stride, uint dilation, uint pad, int size, out int at) {
  if (TRANSPOSED) {
    const int hit = int(out_at + pad) - int(k * dilation);
    at = hit / int(stride);
    return hit >= 0 && at * int(stride) == hit && at < size;
  }
  at = int(out_at * stride + k * dilation) - int(pad);
  return at >= 0 && at < size;
}

SUM sum_of(uint o, uint n, uint oy, uint ox) {
  const uint channel = o / p.out_blocks * p.in_blocks;
  const uint kernel_w = p.kernel & 0xFFFFu;
  SUM sum = SUM(0);
  for (uint tap = 0u; tap < p.steps; ++tap) {
    int iy;
    int ix;
    const bool row_inside =
        input_position(oy, tap / kernel_w, p.stride >> 16, p.dilation >> 16, p.pad >> 16, p.in_h, iy);
    const bool inside = input_position(ox, tap % kernel_w, p.stride & 0xFFFFu, p.dilation & 0xFFFFu, p.pad & 0xFFFFu,
                                       p.in_w, ix) && row_inside;
    const uint at = x_skew() + n * p.x_batch + uint(clamp(iy, 0, p.in_h - 1)) * p.x_row + uint(clamp(ix, 0, p.in_w - 1)) * p.x_pixel;
    for (uint c = 0u; c < p.in_blocks; ++c) {
      const uint from = channel + c;
#if defined(A_i8)
      const SUM value = inside ? load_x(at + from / 4u * p.x_block, from % 4u) : x_zero_point();
#else
      const SUM value = inside ? load_x(at + from / 4u * p.x_block, from % 4u) : 0.0;
#endif
#if defined(W_i4)
      sum += group_factor(o, c, tap) * (load_weight(o, c, tap) * value);
#else
      sum += load_weight(o, c, tap) * value;
#endif
    }
  }
  return sum;
}

void main() {
  const uint pixel = gl_GlobalInvocationID.x;
  const uint block = gl_GlobalInvocationID.y;
  const uint n = gl_GlobalInvocationID.z;
  if (pixel >= p.tiles || block * 4u >= p.out_channels) return;
  const uint oy = pixel / p.out_w;
  const uint ox = pixel % p.out_w;
#if defined(A_i8)
  ivec4 sums = ivec4(0);
#else
  vec4 sums = vec4(0.0);
#endif
  for (uint lane = 0u; lane < 4u; ++lane) {
    const uint o = block * 4u + lane;
    if (o >= p.out_channels) break;
    const SUM sum = sum_of(o, n, oy, ox);
    if (lane == 0u) sums.x = sum;
    if (lane == 1u) sums.y = sum;
    if (lane == 2u) sums.z = sum;
    if (lane == 3u) sums.w = sum;
  }
  store(n * p.y_batch + block * p.y_block + oy * p.y_row + ox * p.y_pixel, sums, load_output_block(block));
}

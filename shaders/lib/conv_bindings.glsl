// What all convolution kernels bind: x, the constants of the layer in one blob, a tensor that is added at the end (the
// constants again where there is none), y.
#ifndef NIBBLE_CONV_BINDINGS_GLSL
#define NIBBLE_CONV_BINDINGS_GLSL

#include "params.h"
#include "lib/group.glsl"
#include "lib/types.glsl"

layout(push_constant) uniform Push { ConvParams p; };

layout(set = 0, binding = 0) readonly buffer X { A_UNIT x[]; };
// Views of one binding: words by one, two and four.
layout(set = 0, binding = 1) readonly buffer Constants1 { uint words[]; };
layout(set = 0, binding = 1) readonly buffer Constants2 { uvec2 words2[]; };
layout(set = 0, binding = 1) readonly buffer Constants4 { uvec4 words4[]; };
layout(set = 0, binding = 2) readonly buffer Residual { A_UNIT residual[]; };
layout(set = 0, binding = 3) writeonly buffer Y { A_UNIT y[]; };

#define CONV_NONE 0xFFFFFFFFu  // offset of an absent part of the constants

uint x_skew() { return p.skew & 0xFFu; }
uint residual_skew() { return p.skew >> 8 & 0xFFu; }
uint y_skew() { return p.skew >> 16; }

// Of integer kernels: z_x, z_y, lowest and highest y, a signed byte each from the low end.
int x_zero_point() { return bitfieldExtract(int(p.quant_or_a), 0, 8); }
int y_zero_point() { return bitfieldExtract(int(p.quant_or_a), 8, 8); }
int y_lowest() { return bitfieldExtract(int(p.quant_or_a), 16, 8); }
int y_highest() { return int(p.quant_or_a) >> 24; }
uint padding_word() { return (p.quant_or_a & 0xFFu) * 0x01010101u; }

#endif

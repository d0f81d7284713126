// Transposed convolution, gathering: each output looks for the inputs that reach it.
#version 450
#extension GL_GOOGLE_include_directive : require
#define CONV_TRANSPOSED
#include "lib/conv_tile.glsl"

// Convolution with channels in blocks of 4, and Linear.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/conv_tile.glsl"

// The axis maps that convolutions and Linear share.
#pragma once

#include "ops/axis_map.h"

namespace nibble {

// Rows of the weights, bias and per-channel tables with the channel axis of the output. Weights that are packed in
// groups, and integer nodes, whose bias already holds sums over all input channels, are frozen.
void weight_axes(AxisMap& map, Inputs inputs, size_t channel_axis);

// x [N, C, H, W], weights [O, C/groups, kh, kw]. Depthwise (one channel a group): a channel is its own group and goes
// with its outputs. Other groups lose the same channel in each, so that they stay equally wide.
AxisMap convolution_axes(Inputs inputs, int32_t groups);

}  // namespace nibble

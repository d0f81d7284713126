// The weight slots that Conv2d, ConvTranspose2d and Linear share (conv_input in ops/conv2d.h).
#pragma once

#include "ops/conv2d.h"

namespace nibble {

// Steps of the packed reduction of one output channel: kh * kw * I with I padded to a multiple of 4 (format/FORMAT.md).
int64_t packed_reduction(const TensorDesc& weights);
// Number of groups of int4 weights: the columns of the group_multiplier slot.
int64_t weight_groups(const TensorDesc& weights);

// Checks types and shapes of all slots, activation and bounds, and makes the output; `shape` is its shape.
// Weights have been checked to have fixed sizes, weights.shape[0] being the number of output channels.
Result<TensorDesc> infer_conv_output(Inputs inputs, Shape shape, const Activation& activation, const ClampRange& clamp);

// x [N, C, H, W] against weights [O, C/groups, kh, kw] with known sizes.
Status check_conv_weights(Inputs inputs, int32_t groups);

}  // namespace nibble

// Which tile an invocation of the convolution kernels computes, by the shape of the layer and the device.
#pragma once

#include <cstdint>

#include "gpu/caps.h"
#include "nibble/result.h"

namespace nibble {

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline constexpr uint32_t kLargestTile = 8;  // outputs along a row, see shaders/lib/conv_tile.glsl

struct ConvTile {
  uint32_t x = 1;        // outputs along a row; conv2d_shared: any outputs, local_x apart
  uint32_t o = 1;        // blocks of 4 output channels
  uint32_t local_x = 1;  // invocations of a workgroup along tiles and along blocks
  uint32_t local_y = 1;
  uint32_t slices = 1;  // of the reduction, invocations along z: conv2d_shared
  bool operator==(const ConvTile&) const = default;
};

// What a layer offers to be tiled.
struct ConvExtent {
  int64_t row = 1;   // outputs of a row
  int64_t rows = 1;  // rows of an image
  int64_t batch = 1;
  int64_t o_blocks = 1;  // blocks of 4 output channels of a group
  int64_t groups = 1;
  uint32_t largest_o = 4;  // blocks that a tile of the kernel can hold
};

// What a layer's kernel can hold, for choices that come from measurement.
struct TileBounds {
  ConvExtent extent;
  uint32_t largest_x = kLargestTile;  // outputs along a row
  // Of conv2d_shared (kernels/conv_shared.h), 0 elsewhere: blocks of input channels of a group, taps of the window.
  int64_t in_blocks = 0, taps = 0;
};
bool tile_fits(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile);
// Sets the workgroup of a tile of a given size as the rule does.
void fit_groups(const gpu::Caps& caps, const ConvExtent& extent, ConvTile& tile);

// Rows with Caps::lanes want whole subgroups along tiles, so that all lanes multiply with the same weights.
bool has_whole_subgroups(const gpu::Caps& caps, const ConvTile& tile);
// Makes it so.
void widen_to_subgroups(const gpu::Caps& caps, ConvTile& tile);

// Whether a tile's sums are better read back by computed index than by selection (NBL_SPEC_CONV_INDEXED).
bool indexes_sums(const gpu::Caps& caps);

// Tile and workgroup for conv2d and conv_transpose2d.
ConvTile choose_conv_tile(const gpu::Caps& caps, const ConvExtent& extent);
// For conv2d_depthwise: `step` units of x lie between neighbouring outputs, `reach` more under the kernel; the window
// of a tile holds 16 units. o is 1.
ConvTile choose_depthwise_tile(const gpu::Caps& caps, const ConvExtent& extent, int64_t step, int64_t reach);

// The longest tile whose window a depthwise kernel can hold.
uint32_t largest_depthwise_tile(int64_t step, int64_t reach);

// For conv2d_grouped: one output and one block.
ConvTile single_output_tile(const gpu::Caps& caps, const ConvExtent& extent);

// For gemv: one output and one block; invocations along x share the steps of a reduction. A power of two along x, at
// most kMostGemvInvocations in all, also of a workgroup that was chosen elsewhere.
ConvTile gemv_tile(const gpu::Caps& caps, int64_t steps);
ConvTile gemv_tile_like(const ConvTile& tile);
inline constexpr uint32_t kMostGemvInvocations = 128;  // see shaders/gemv.comp

inline constexpr int64_t kDepthwiseWindow = 16;  // units, see shaders/conv2d_depthwise.comp
inline constexpr int64_t kDepthwiseTaps = 7;     // of a row

}  // namespace nibble

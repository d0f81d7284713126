// Push constants and specialization-constant ids of the convolution kernels; part of params.h.
#ifndef NIBBLE_SHADERS_CONV_PARAMS_H
#define NIBBLE_SHADERS_CONV_PARAMS_H

#define NBL_SPEC_CONV_TILE_X (NBL_SPEC_OWN + 0)      // outputs per invocation, along a row; conv2d_shared: anywhere
#define NBL_SPEC_CONV_TILE_O (NBL_SPEC_OWN + 1)      // blocks of 4 output channels per invocation
#define NBL_SPEC_CONV_PADDED (NBL_SPEC_OWN + 2)      // bool: some outputs read beyond the image
#define NBL_SPEC_CONV_HIGH_SHIFT (NBL_SPEC_OWN + 3)  // bool: every requantizing shift is above 32, no tie
#define NBL_SPEC_CONV_CHUNKS (NBL_SPEC_OWN + 9)      // when sums are closed: NBL_CHUNKS_
#define NBL_SPEC_CONV_LANES (NBL_SPEC_OWN + 10)      // lanes of a subgroup, rows with NEEDS lanes
#define NBL_SPEC_CONV_SHUFFLE (NBL_SPEC_OWN + 11)    // bool: shuffle, not swap within quads; rows with NEEDS lanes
#define NBL_SPEC_CONV_INDEXED (NBL_SPEC_OWN + 12)    // bool: sums are taken from an array by computed index
#define NBL_SPEC_CONV_ONE_TAP (NBL_SPEC_OWN + 13)    // bool: a window of 1x1, whatever the stride
#define NBL_SPEC_CONV_ONE_BLOCK (NBL_SPEC_OWN + 14)  // bool: 4 input channels of a group or fewer
#define NBL_SPEC_CONV_FLAT (NBL_SPEC_OWN + 15)       // bool: one loop over taps and channels
#define NBL_SPEC_CONV_KERNEL_W (NBL_SPEC_OWN + 4)    // conv2d_depthwise: width of the window, 0 for any
#define NBL_SPEC_CONV_STRIDE_W (NBL_SPEC_OWN + 5)    // of the same window; 1 where a tile is one output
#define NBL_SPEC_CONV_DILATION_W (NBL_SPEC_OWN + 6)
#define NBL_SPEC_CONV_PACKING (NBL_SPEC_OWN + 7)     // conv2d_grouped: order of the weights
#define NBL_SPEC_CONV_TRANSPOSED (NBL_SPEC_OWN + 8)  // bool, conv2d_grouped
#define NBL_SPEC_CONV_TABLE (NBL_SPEC_OWN + 16)      // integer: what lies behind the clamp, NBL_TABLE_
#define NBL_SPEC_CONV_RESIDUAL (NBL_SPEC_OWN + 17)   // 0, or another tensor is added at the end: NBL_RESIDUAL_
#define NBL_SPEC_CONV_SHARED_X (NBL_SPEC_OWN + 18)   // these: conv2d_shared. Invocations of a workgroup
#define NBL_SPEC_CONV_SHARED_Y (NBL_SPEC_OWN + 19)
#define NBL_SPEC_CONV_SHARED_SLICES (NBL_SPEC_OWN + 20)
#define NBL_SPEC_CONV_SHARED_STEPS (NBL_SPEC_OWN + 21)  // of 4 input channels that are staged at a time
#define NBL_SPEC_CONV_SHARED_ROWS (NBL_SPEC_OWN + 22)   // bool: 1x1, blocks of a pixel lie side by side

#define NBL_CHUNKS_COUNTED 0  // after so many steps
#define NBL_CHUNKS_ONE 1      // at the end
#define NBL_CHUNKS_TAPS 2     // after every tap of the window

#define NBL_TABLE_NONE 0
#define NBL_TABLE_WORDS 1  // an entry of 256 a word
#define NBL_TABLE_BYTES 2  // 64 words: entries i, i + 64, i + 128 and i + 192 in word i, from the low byte on

#define NBL_RESIDUAL_NONE 0
#define NBL_RESIDUAL_ADD 1
#define NBL_RESIDUAL_CLAMP 2  // float kernels: and limited; integer kernels always limit

#ifdef __cplusplus
namespace nibble::params {
using uint = uint32_t;
#endif

// All convolution kernels. Strides count units; offsets count words from the start of the constants, where the weights
// are; 0xFFFFFFFF = absent. conv2d_grouped: tiles are outputs, in_blocks and out_blocks are channels of a group, steps are taps, o_tiles
// says whether the group multipliers lie in blocks. conv2d_shared: tiles are outputs.
struct ConvParams {
  uint x_batch, x_block, x_row, x_pixel;
  uint y_batch, y_block, y_row, y_pixel;
  int in_h, in_w;
  uint out_w;
  uint tiles_x;     // in a row
  uint tiles;       // of an image
  uint in_blocks;   // of a group
  uint out_blocks;  // of a group
  uint o_tiles;     // of a group
  uint groups;
  uint out_channels;                   // of all groups
  uint kernel, stride, dilation, pad;  // h << 16 | w; pad is top and left
  uint bias, scale, shift, group_multiplier;
  uint steps;        // weight blocks (conv2d_depthwise: taps) of a block of outputs
  uint group_steps;  // of 4 input channels each that share a multiplier
  // Integer kernels: z_x, z_y, lowest and highest y, a signed byte each, the first lowest. Float kernels: the bits of the
  // activation's a.
  uint quant_or_a;
  uint table_or_b;  // integer kernels: offset of the table; float kernels: the bits of the activation's b
  uint residual;    // offset of what the addition needs, see lib/conv_finish.glsl
  uint skew;        // units between where a buffer is bound and where its tensor begins: x, residual, y, a byte each
};

#ifdef __cplusplus
static_assert(sizeof(ConvParams) <= 128);
}  // namespace nibble::params
#endif
#endif

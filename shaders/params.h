// Push constants and specialization-constant ids, read by C++ and GLSL alike. 32-bit scalars only, at most 128 bytes.
#ifndef NIBBLE_SHADERS_PARAMS_H
#define NIBBLE_SHADERS_PARAMS_H

// Ids every kernel uses the same way; a kernel's own ids start at NBL_SPEC_OWN.
#define NBL_SPEC_LOCAL_X 0
#define NBL_SPEC_LOCAL_Y 1
#define NBL_SPEC_LOCAL_Z 2
#define NBL_SPEC_ACT 3  // UnaryKind of the fused activation, or of Unary itself
#define NBL_SPEC_OWN 4

#ifdef __cplusplus
#include <cstdint>
#endif
#include "conv_params.h"  // ConvParams

#ifdef __cplusplus
namespace nibble::params {
using uint = uint32_t;
#endif

// unary.comp. NBL_SPEC_ACT: the function; NBL_SPEC_OWN: mask the last lanes
struct UnaryParams {
  uint units;
  uint channels, blocks, inner;  // of the blocked axis
  float a, b;
};

// table.comp. NBL_SPEC_OWN: one table per channel
struct TableParams {
  uint units;
  uint channels, blocks, inner;
};

#define NBL_BINARY_AXES 6
// binary.comp
struct BinaryParams {
  uint units;
  uint channels, blocks, inner;
  float a, b;  // of the fused activation
  int zero_x, zero_y, zero_z;
  int multiplier_x, multiplier_y, shift;
  int out_min, out_max;
  uint size[NBL_BINARY_AXES];
  uint stride_x[NBL_BINARY_AXES];  // units, 0 where x is broadcast
  uint stride_y[NBL_BINARY_AXES];
};

// convert.comp. NBL_SPEC_OWN: mask the last lanes; + 1: any number other than 0 becomes 1; + 2: x is flat (f32 only), by
// four units where it is 4
struct ConvertParams {
  uint units;
  uint channels, blocks, inner;
  float scale, inverse_scale;
  float scale_high, scale_low;  // scale = high + low, high having 12 bits
  int zero_in, zero_out;
  int multiplier, shift;
  int out_min, out_max;
};

// repack.comp. NBL_SPEC_OWN: the source is one row; + 1: the target is flat; + 2: by units of the source
struct RepackParams {
  uint units;  // of the target, or of the source
  uint elements;
  uint to_channels, to_blocks, to_inner;
  uint from_channels, from_blocks, from_inner;
};

// copy.comp
struct CopyParams {
  uint units;       // of the target region
  uint fill;        // bits of the element read outside the source
  uint lane_begin;  // lane of its first unit where the region begins
  uint lane_count;  // elements of the region along the blocked axis
  int source_base;  // elements, or units where lanes stay together
  int target_base;  // units
};

// shuffle.comp. NBL_SPEC_OWN: the first channel; + 1, + 2: lanes where the sources begin; + 3: mask the last lanes
struct ShuffleParams {
  uint units;  // invocations
  uint channels, blocks, inner;  // of the output
  uint x0_blocks, x1_blocks;
  uint x0_first, x1_first;  // the unit that the first invocation begins with
};

// focus.comp. NBL_SPEC_OWN: channels of the source; + 1: parts; + 2: the source is flat. Pixels are counted row by row.
struct FocusParams {
  uint units;           // invocations: pixels of the output, of all images
  uint inner, out_w;    // pixels of an image of the output, of a row
  uint plane;           // pixels of an image of the source
  uint row_step, step;  // source pixels between rows and between pixels of the output
  uint first0, first1, first2, first3;  // source pixel that each part begins with
};

// pool2d.comp. NBL_SPEC_OWN: average; + 1: padding counts; + 2: some dilation is above 1
struct PoolParams {
  uint units;  // of the output
  int in_h, in_w;
  uint out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left, pad_bottom, pad_right;
  int zero_x, zero_y;
  int out_min, out_max;
};

// reduce.comp
struct ReduceParams {
  uint units;  // of the output: before * slices * after
  uint count, slices, after;
  uint channels, blocks, inner;  // of the output, for masking; channels of the input where lanes are reduced
  float factor;
  int zero_in, zero_out;
  int multiplier, shift;
  int out_min, out_max;
};

// softmax.comp. NBL_SPEC_OWN: along the blocked axis; + 1: log; + 2: mask
struct SoftmaxParams {
  uint units;  // invocations: before * after
  uint count, after;
  uint channels, blocks, inner;
};

// norm_partial.comp
struct NormPartialParams {
  uint planes, plane, chunks;
};

// norm_merge.comp. NBL_SPEC_OWN: has a scale; + 1: has a bias
struct NormMergeParams {
  uint batch, channels, blocks;
  uint plane, chunks;
  uint group_channels;
  uint scale_offset, bias_offset;  // words of the blob
  float epsilon;
};

// layer_norm.comp
struct LayerNormParams {
  uint rows, channels, blocks;
  uint scale_unit, bias_unit;  // of the blob
  float epsilon;
};

// resize.comp. NBL_SPEC_OWN: taps in each direction
struct ResizeParams {
  uint units;
  uint in_h, in_w, out_h, out_w;
  int zero, shift;
  int out_min, out_max;
};

// gather.comp
struct GatherParams {
  uint units;
  uint count;  // indices
  uint size;   // of the axis
  uint after;  // units behind the axis
};

// arg_reduce.comp. NBL_SPEC_OWN: along the blocked axis; + 1: minimum; + 2: the last of equal ones
struct ArgReduceParams {
  uint units;  // before * after
  uint count, after, channels;
};

#define NBL_MATMUL_AXES 6
// matmul.comp. NBL_SPEC_OWN: b is transposed; + 1: batch axes; + 2: mask
struct MatMulParams {
  uint tiles;  // batches * row_blocks * column_blocks
  uint rows, inner, columns;
  uint row_blocks, inner_blocks, column_blocks;
  uint size[NBL_MATMUL_AXES];
  uint stride_a[NBL_MATMUL_AXES];  // units
  uint stride_b[NBL_MATMUL_AXES];
};

#ifdef __cplusplus
static_assert(sizeof(BinaryParams) <= 128 && sizeof(ConvertParams) <= 128 && sizeof(PoolParams) <= 128 &&
              sizeof(ReduceParams) <= 128 && sizeof(MatMulParams) <= 128 && sizeof(RepackParams) <= 128 &&
              sizeof(CopyParams) <= 128);
}  // namespace nibble::params
#endif
#endif

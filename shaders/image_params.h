// Push constants of the kernels between images and tensors (images.cmake); see params.h.
#ifndef NIBBLE_SHADERS_IMAGE_PARAMS_H
#define NIBBLE_SHADERS_IMAGE_PARAMS_H

#include "params.h"

// What a word of a pixel's bytes, or two of its halves, hold.
#define NBL_IMAGE_RGBA8 0
#define NBL_IMAGE_BGRA8 1
#define NBL_IMAGE_RGBA16F 2

// image_read.comp, NBL_SPEC_OWN
#define NBL_IMAGE_RGB 0
#define NBL_IMAGE_BGR 1
#define NBL_IMAGE_LUMA 2

// image_to_tensor.comp, NBL_SPEC_OWN
#define NBL_IMAGE_AS_IS 0
#define NBL_IMAGE_COLUMNS 1
#define NBL_IMAGE_BILINEAR 2

// tensor_to_image.comp, NBL_SPEC_OWN
#define NBL_IMAGE_PICTURE 0
#define NBL_IMAGE_ARGMAX 1
#define NBL_IMAGE_CLASSES 2

// tensor_to_image.comp, NBL_SPEC_OWN + 1
#define NBL_IMAGE_F32 0
#define NBL_IMAGE_F16 1
#define NBL_IMAGE_I8 2
#define NBL_IMAGE_U8 3
#define NBL_IMAGE_I32 4

#ifdef __cplusplus
namespace nibble::params {
#endif

// image_read.comp. NBL_SPEC_OWN: the colours of the words; + 1: linear light becomes sRGB; + 2: the format of a copy
struct ImageReadParams {
  int x, y;  // of the first pixel that is read
  uint width, height;
};

// image_rows.comp
struct ImageRowsParams {
  uint width;    // of the result
  uint height;   // of both
  uint pitch;    // words of a row of the source
  uint first;    // the output column that is the first of the result
  uint taps;     // where the columns' {first, count} begin in the table
  uint weights;  // where their weights begin
  uint stride;   // weights of a column
};

// image_to_tensor.comp. NBL_SPEC_OWN: how rows are scaled; + 1: bytes of an element; + 2: channels last
struct ImageToTensorParams {
  uint words;     // of the tensor
  uint elements;  // of the tensor
  uint out_w, out_h, channels;
  int place_x, place_y;          // of the picture in the tensor
  uint picture_w, picture_h;     // its size there
  uint pitch;                    // words of a row of the source
  uint first_column, first_row;  // of the picture, that the source begins with
  uint taps, weights, stride;    // of the rows; bilinear: taps: columns, weights: rows
  uint values;                   // where the 256 elements of each channel begin in the table
  uint fill;                     // a pixel's bytes beside the picture
};

// tensor_to_image.comp. NBL_SPEC_OWN: what the tensor holds; + 1: its type; + 2: channels last; + 3: blue comes first;
// + 4: sRGB becomes linear light; + 5: format of the words, where it writes words
struct TensorToImageParams {
  uint width, height, channels;
  int x, y;  // where the first pixel goes
  float scale, offset;
  int zero;
  uint colors;  // of the palette
  uint alpha;
};

#ifdef __cplusplus
}  // namespace nibble::params
#endif

#endif

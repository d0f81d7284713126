// What Conv2d, ConvTranspose2d and Linear share on their way to steps.
#pragma once

#include <cstdint>

#include "kernels/lowering.h"
#include "ops/conv2d.h"

namespace nibble {

// A weighted node as its kernels see it: images of any batch; Linear's rows are the pixels of one image one row high.
struct ConvProblem {
  Operand x, y;
  Operand residual;  // without a buffer where nothing is added
  int64_t batch = 1;
  int64_t in_h = 1, in_w = 1, out_h = 1, out_w = 1;
  int64_t in_channels = 1, out_channels = 1;  // of all groups
  int64_t groups = 1;
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  bool transposed = false;
  // Strides in units.
  int64_t x_batch = 0, x_block = 1, x_row = 0, x_pixel = 1;
  int64_t y_batch = 0, y_block = 1, y_row = 0, y_pixel = 1;
  Activation activation;
  ClampRange clamp;
};

// The tensors of a weighted node in a layout: y is what the step writes, which a Finish may have moved behind the node.
Status set_operands(ConvProblem& problem, const Node& node, Lowering& lowering, Layout layout);

// Fills in sizes, operands and strides of an image node; window and activation are the caller's.
Result<ConvProblem> image_problem(const Node& node, Lowering& lowering);

// Chooses the kernel family and emits the step.
Status lower_conv(const ConvProblem& problem, const Node& node, Lowering& lowering);

}  // namespace nibble

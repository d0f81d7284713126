// Attributes that Conv, ConvTranspose and the pools share: windows over one or two spatial axes.
#pragma once

#include "converter/onnx/importer.h"

namespace nibble::onnx_import {

// A one-dimensional window is given a height of 1.
struct Window {
  int32_t kernel[2] = {1, 1};
  int32_t stride[2] = {1, 1};
  int32_t dilation[2] = {1, 1};
  int32_t begin[2] = {0, 0};
  int32_t end[2] = {0, 0};
  bool one_dimensional = false;
};

// Reads kernel_shape (or takes `kernel`, from the weights), strides, dilations, pads and auto_pad of input 0.
// `ceil_mode` and `transposed` decide what SAME means.
Result<Window> read_window(NodeContext& node, std::vector<int64_t> kernel, bool transposed);

// [N, C, W] -> [N, C, 1, W] and back.
Result<TensorId> to_two_dimensions(NodeContext& node, TensorId x, const Window& window);
Result<TensorId> from_two_dimensions(NodeContext& node, TensorId y, const Window& window);

}  // namespace nibble::onnx_import

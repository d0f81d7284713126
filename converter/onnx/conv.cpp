// Conv, ConvTranspose, MaxPool, AveragePool, global pools.
#include <algorithm>

#include "converter/onnx/windows.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr int64_t kMaxExtra = 1 << 16;  // rows or columns that an output may be longer than the kernel reaches

// Spatial sizes of constant weights.
Result<std::vector<int64_t>> weight_kernel(NodeContext& node) {
  if (!node.is_constant(1)) return node.unsupported("weights that are computed at run time are not supported");
  const Shape& shape = node.shape(1);
  if (shape.size() != node.rank(0))
    return node.fail(format("weights have rank %zu, the input has %zu", shape.size(), node.rank(0)));
  std::vector<int64_t> all = values(shape);
  if (all.size() < 3) return node.unsupported("convolution over no spatial axis");
  return std::vector<int64_t>(all.begin() + 2, all.end());
}

Result<TensorId> weights_in_two_dimensions(NodeContext& node, TensorId w, const Window& window) {
  if (!window.one_dimensional) return w;
  Shape shape = node.desc(w).shape;
  shape.insert(shape.begin() + 2, Dim(1));
  return node.reshape(w, shape);
}

template <class T>
void set_window(T& op, const Window& w) {
  op.stride_h = w.stride[0], op.stride_w = w.stride[1];
  op.dilation_h = w.dilation[0], op.dilation_w = w.dilation[1];
  op.pad_top = w.begin[0], op.pad_left = w.begin[1];
  op.pad_bottom = w.end[0], op.pad_right = w.end[1];
}

Result<int32_t> read_groups(NodeContext& node) {
  NBL_TRY(const int64_t groups, node.integer("group", 1));
  if (groups < 1 || groups > kMaxDim) return node.fail("group must be positive");
  return static_cast<int32_t>(groups);
}

Result<std::vector<TensorId>> slots(NodeContext& node, TensorId x, TensorId w) {
  std::vector<TensorId> out{x, w};
  if (node.has(2)) {
    if (!node.is_constant(2)) return node.unsupported("a bias that is computed at run time is not supported");
    NBL_TRY(const TensorId bias, node.tensor(2));
    out.push_back(bias);
  }
  return out;
}

}  // namespace

Status import_conv(NodeContext& node) {
  NBL_TRY(const std::vector<int64_t> kernel, weight_kernel(node));
  NBL_TRY(const Window window, read_window(node, kernel, false));
  NBL_TRY(TensorId x, node.tensor(0));
  NBL_TRY(x, to_two_dimensions(node, x, window));
  NBL_TRY(TensorId w, node.tensor(1));
  NBL_TRY(w, weights_in_two_dimensions(node, w, window));
  Conv2d op;
  set_window(op, window);
  NBL_TRY(op.groups, read_groups(node));
  NBL_TRY(std::vector<TensorId> inputs, slots(node, x, w));
  NBL_TRY(TensorId y, node.emit(op, std::move(inputs)));
  NBL_TRY(y, from_two_dimensions(node, y, window));
  return node.set(0, y);
}

Status import_conv_transpose(NodeContext& node) {
  NBL_TRY(const std::vector<int64_t> kernel, weight_kernel(node));
  NBL_TRY(Window window, read_window(node, kernel, true));
  const size_t spatial = window.one_dimensional ? 1 : 2;
  ConvTranspose2d op;
  NBL_TRY(const std::vector<int64_t> output_padding, node.integers("output_padding", std::vector<int64_t>(spatial, 0)));
  if (output_padding.size() != spatial) return node.fail("output_padding has the wrong number of values");
  int32_t extra[2] = {0, 0};
  for (size_t i = 0; i < spatial; ++i) {
    if (output_padding[i] < 0 || output_padding[i] > kMaxExtra) return node.fail("output_padding is out of range");
    extra[2 - spatial + i] = static_cast<int32_t>(output_padding[i]);
  }
  NBL_TRY(const std::string mode, node.text("auto_pad", "NOTSET"));
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    for (size_t k = 2 - spatial; k < 2; ++k) {  // output = input * stride also where the kernel does not reach that far
      const int64_t short_by = int64_t{window.stride[k]} - (int64_t{window.dilation[k]} * (window.kernel[k] - 1) + 1);
      extra[k] = static_cast<int32_t>(std::clamp<int64_t>(short_by, 0, kMaxExtra));
    }
  }
  if (node.has_attribute("output_shape")) {
    NBL_TRY(std::vector<int64_t> sizes, node.integers("output_shape", {}));
    if (sizes.size() == spatial + 2) sizes.erase(sizes.begin(), sizes.begin() + 2);  // some exporters give N and C too
    if (sizes.size() != spatial) return node.fail("output_shape has the wrong number of values");
    for (size_t i = 0; i < spatial; ++i) {
      if (sizes[i] < 1 || sizes[i] > kMaxDim)
        return node.fail(format("an output_shape of %lld", static_cast<long long>(sizes[i])));
      const Dim& d = node.shape(0)[2 + i];
      const size_t k = 2 - spatial + i;
      if (!d.is_const()) return node.unsupported("output_shape with a free dimension");
      const int64_t full =
          (d.value() - 1) * window.stride[k] + int64_t{window.dilation[k]} * (window.kernel[k] - 1) + 1 + extra[k];
      const int64_t total = full - sizes[i];
      if (total < 0) {
        // Output beyond what the kernel reaches: it grows at the end, as output padding does.
        if (-total > kMaxExtra) return node.unsupported("output_shape is far beyond what the kernel reaches");
        extra[k] += static_cast<int32_t>(-total);
        window.begin[k] = window.end[k] = 0;
        continue;
      }
      if (total > kMaxDim) return node.fail("output_shape is far smaller than the input");
      window.begin[k] = static_cast<int32_t>(mode == "SAME_UPPER" ? total / 2 : total - total / 2);
      window.end[k] = static_cast<int32_t>(total - window.begin[k]);
    }
  }
  set_window(op, window);
  op.output_pad_h = extra[0], op.output_pad_w = extra[1];
  NBL_TRY(op.groups, read_groups(node));
  NBL_TRY(TensorId x, node.tensor(0));
  NBL_TRY(x, to_two_dimensions(node, x, window));
  NBL_TRY(TensorId w, node.tensor(1));
  NBL_TRY(w, weights_in_two_dimensions(node, w, window));

  // ONNX keeps [C, O/groups, kh, kw]; nibble [O, C/groups, kh, kw].
  const std::vector<int64_t> s = values(node.desc(w).shape);
  if (s[0] % op.groups != 0)
    return node.fail(
        format("%lld input channels do not divide into %d groups", static_cast<long long>(s[0]), op.groups));
  NBL_TRY(w, node.reshape(w, {op.groups, s[0] / op.groups, s[1], s[2], s[3]}));
  NBL_TRY(w, node.emit(Transpose{{0, 2, 1, 3, 4}}, {w}));
  NBL_TRY(w, node.reshape(w, {op.groups * s[1], s[0] / op.groups, s[2], s[3]}));
  NBL_TRY(std::vector<TensorId> inputs, slots(node, x, w));
  NBL_TRY(TensorId y, node.emit(op, std::move(inputs)));
  NBL_TRY(y, from_two_dimensions(node, y, window));
  return node.set(0, y);
}

Status import_pool(NodeContext& node) {
  NBL_TRY(const Window window, read_window(node, {}, false));
  Pool2d op;
  op.kind = node.type() == "MaxPool" ? PoolKind::max : PoolKind::average;
  op.kernel_h = window.kernel[0], op.kernel_w = window.kernel[1];
  set_window(op, window);
  NBL_TRY(const int64_t ceil_mode, node.integer("ceil_mode", 0));
  op.ceil_mode = ceil_mode != 0;
  if (op.kind == PoolKind::average) {
    NBL_TRY(const int64_t include, node.integer("count_include_pad", 0));
    op.count_include_pad = include != 0;
  } else {
    node.ignore("storage_order");  // concerns the index output only
    if (node.wants_output(1)) return node.unsupported("the output of indices is not supported");
  }
  NBL_TRY(TensorId x, node.tensor(0));
  NBL_TRY(x, to_two_dimensions(node, x, window));
  NBL_TRY(TensorId y, node.emit(op, {x}));
  NBL_TRY(y, from_two_dimensions(node, y, window));
  return node.set(0, y);
}

Status import_global_pool(NodeContext& node) {
  Reduce op;
  op.kind = node.type() == "GlobalMaxPool" ? ReduceKind::max : ReduceKind::mean;
  if (node.rank(0) < 3) return node.fail("expected an input with spatial axes");
  for (size_t i = 2; i < node.rank(0); ++i) op.axes.push_back(static_cast<int64_t>(i));
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

}  // namespace nibble::onnx_import

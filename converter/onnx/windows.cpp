#include "converter/onnx/windows.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr int64_t kMaxWindow = 1 << 16;  // beyond any real network; keeps later arithmetic in 32 bits

Status take(const NodeContext& node, const char* name, const std::vector<int64_t>& values, size_t spatial,
            int64_t minimum, int32_t (&out)[2]) {
  if (values.size() != spatial)
    return node.fail(format("%s has %zu values, expected %zu", name, values.size(), spatial));
  for (size_t i = 0; i < spatial; ++i) {
    if (values[i] < minimum || values[i] > kMaxWindow) {
      return node.unsupported(format("%s = %lld is outside %lld..%lld", name, static_cast<long long>(values[i]),
                                     static_cast<long long>(minimum), static_cast<long long>(kMaxWindow)));
    }
    out[2 - spatial + i] = static_cast<int32_t>(values[i]);
  }
  return {};
}

Status same_padding(const NodeContext& node, const std::string& mode, bool transposed, size_t spatial, Window& w) {
  for (size_t i = 2 - spatial; i < 2; ++i) {
    const int64_t span = int64_t{w.dilation[i]} * (w.kernel[i] - 1) + 1;
    int64_t total;
    if (transposed) {
      total = span - w.stride[i];  // output = input * stride; below 0 the caller lengthens the output
    } else {
      const Dim& d = node.shape(0)[2 + i - (2 - spatial)];
      if (w.stride[i] == 1) {
        total = span - 1;  // holds for any size
      } else if (d.is_const()) {
        total = ((d.value() + w.stride[i] - 1) / w.stride[i] - 1) * w.stride[i] + span - d.value();
      } else {
        return node.unsupported("auto_pad " + mode + " with a stride over the free dimension " + d.to_string());
      }
    }
    total = std::max<int64_t>(total, 0);
    const auto half = static_cast<int32_t>(total / 2), rest = static_cast<int32_t>(total - total / 2);
    w.begin[i] = mode == "SAME_UPPER" ? half : rest;
    w.end[i] = mode == "SAME_UPPER" ? rest : half;
  }
  return {};
}

}  // namespace

Result<Window> read_window(NodeContext& node, std::vector<int64_t> kernel, bool transposed) {
  Window w;
  const size_t rank = node.rank(0);
  if (rank != 3 && rank != 4)
    return node.unsupported(
        format("%zu spatial axes (input of rank %zu), supported: 1 and 2", rank < 2 ? 0 : rank - 2, rank));
  const size_t spatial = rank - 2;
  w.one_dimensional = spatial == 1;
  NBL_TRY(const std::vector<int64_t> kernel_shape, node.integers("kernel_shape", kernel));
  if (!kernel.empty() && kernel_shape != kernel) return node.fail("kernel_shape differs from the weights' shape");
  NBL_CHECK(take(node, "kernel_shape", kernel_shape, spatial, 1, w.kernel));
  NBL_TRY(const std::vector<int64_t> strides, node.integers("strides", std::vector<int64_t>(spatial, 1)));
  NBL_CHECK(take(node, "strides", strides, spatial, 1, w.stride));
  NBL_TRY(const std::vector<int64_t> dilations, node.integers("dilations", std::vector<int64_t>(spatial, 1)));
  NBL_CHECK(take(node, "dilations", dilations, spatial, 1, w.dilation));
  NBL_TRY(const std::string mode, node.text("auto_pad", "NOTSET"));
  NBL_TRY(const std::vector<int64_t> pads, node.integers("pads", std::vector<int64_t>(2 * spatial, 0)));
  if (mode == "NOTSET") {
    if (pads.size() != 2 * spatial)
      return node.fail(format("pads has %zu values, expected %zu", pads.size(), 2 * spatial));
    NBL_CHECK(take(node, "pads", {pads.begin(), pads.begin() + static_cast<long>(spatial)}, spatial, 0, w.begin));
    NBL_CHECK(take(node, "pads", {pads.begin() + static_cast<long>(spatial), pads.end()}, spatial, 0, w.end));
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    NBL_CHECK(same_padding(node, mode, transposed, spatial, w));
  } else if (mode != "VALID") {
    return node.unsupported("auto_pad '" + mode + "' is not supported");
  }
  return w;
}

Result<TensorId> to_two_dimensions(NodeContext& node, TensorId x, const Window& window) {
  if (!window.one_dimensional) return x;
  Shape shape = node.desc(x).shape;
  shape.insert(shape.begin() + 2, Dim(1));
  return node.reshape(x, shape);
}

Result<TensorId> from_two_dimensions(NodeContext& node, TensorId y, const Window& window) {
  if (!window.one_dimensional) return y;
  Shape shape = node.desc(y).shape;
  shape.erase(shape.begin() + 2);
  return node.reshape(y, shape);
}

}  // namespace nibble::onnx_import

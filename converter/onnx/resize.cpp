// Resize and Upsample.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

Result<ResizeMode> read_mode(NodeContext& node) {
  NBL_TRY(const std::string mode, node.text("mode", "nearest"));
  if (mode == "nearest") return ResizeMode::nearest;
  if (mode == "linear" || mode == "bilinear") return ResizeMode::linear;
  if (mode == "cubic") return ResizeMode::cubic;
  return node.unsupported("mode '" + mode + "' is not supported");
}

Status read_coordinates(NodeContext& node, Resize& op) {
  NBL_TRY(const std::string name,
          node.text("coordinate_transformation_mode", node.opset() < 11 ? "asymmetric" : "half_pixel"));
  if (name == "half_pixel")
    op.coordinates = ResizeCoordinates::half_pixel;
  else if (name == "pytorch_half_pixel")
    op.coordinates = ResizeCoordinates::pytorch_half_pixel;
  else if (name == "align_corners")
    op.coordinates = ResizeCoordinates::align_corners;
  else if (name == "asymmetric")
    op.coordinates = ResizeCoordinates::asymmetric;
  else if (name == "half_pixel_symmetric")
    op.coordinates = ResizeCoordinates::half_pixel_symmetric;
  else if (name == "tf_half_pixel_for_nn")
    op.coordinates = ResizeCoordinates::tf_half_pixel_for_nn;
  else
    return node.unsupported("coordinate_transformation_mode '" + name + "' is not supported");
  NBL_TRY(const std::string nearest, node.text("nearest_mode", node.opset() < 11 ? "floor" : "round_prefer_floor"));
  if (nearest == "round_prefer_floor")
    op.nearest = NearestMode::round_prefer_floor;
  else if (nearest == "round_prefer_ceil")
    op.nearest = NearestMode::round_prefer_ceil;
  else if (nearest == "floor")
    op.nearest = NearestMode::floor;
  else if (nearest == "ceil")
    op.nearest = NearestMode::ceil;
  else
    return node.unsupported("nearest_mode '" + nearest + "' is not supported");
  return {};
}

// Values for all axes of a tensor of rank 4 whose first two axes stay as they are.
Status take_scales(NodeContext& node, const std::vector<float>& scales, Resize& op) {
  if (scales.size() != 4) return node.fail(format("%zu scales, expected 4", scales.size()));
  if (scales[0] != 1.0f || scales[1] != 1.0f) return node.unsupported("resizing of batch or channels is not supported");
  if (!(scales[2] > 0.0f) || !(scales[3] > 0.0f)) return node.fail("scales must be positive");
  op.scale_h = scales[2];
  op.scale_w = scales[3];
  for (size_t i = 2; op.coordinates == ResizeCoordinates::align_corners && i < 4; ++i) {
    // ONNX's own tests go by the fractional size, frameworks and runtimes by the whole one.
    const Dim& d = node.shape(0)[i];
    const double size = d.is_const() ? static_cast<double>(d.value()) * static_cast<double>(scales[i]) : 0.0;
    if (std::abs(size - std::round(size)) > 1e-4) {
      return node.unsupported(
          "align_corners with scales that make a fractional size has no agreed meaning; give sizes instead");
    }
  }
  return {};
}

Status take_sizes(NodeContext& node, const std::vector<Dim>& sizes, const std::string& policy, Resize& op) {
  const Shape& in = node.shape(0);
  if (sizes.size() != 4) return node.fail(format("%zu sizes, expected 4", sizes.size()));
  if (!(sizes[0] == in[0]) || !(sizes[1] == in[1]))
    return node.unsupported("resizing of batch or channels is not supported");
  op.sizes = {sizes[2], sizes[3]};
  if (policy == "stretch") return {};
  return node.unsupported("keep_aspect_ratio_policy '" + policy + "' is not supported");
}

Status finish(NodeContext& node, const Resize& op) {
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

// With `axes`, scales and sizes speak of those axes only; the others keep their size.
template <class T>
Result<std::vector<T>> spread(NodeContext& node, const std::vector<T>& some, const std::vector<int64_t>& axes,
                              std::vector<T> all) {
  if (axes.empty()) return some;
  if (axes.size() != some.size()) return node.fail("axes and scales or sizes differ in length");
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t a = axes[i] < 0 ? axes[i] + static_cast<int64_t>(all.size()) : axes[i];
    if (a < 0 || a >= static_cast<int64_t>(all.size())) return node.fail("an axis is outside the input's rank");
    all[static_cast<size_t>(a)] = some[i];
  }
  return all;
}

}  // namespace

Status import_resize(NodeContext& node) {
  if (node.rank(0) != 4) return node.unsupported(format("input of rank %zu, supported: 4", node.rank(0)));
  Resize op;
  NBL_TRY(op.mode, read_mode(node));
  NBL_CHECK(read_coordinates(node, op));
  NBL_TRY(op.cubic_a, node.real("cubic_coeff_a", -0.75f));
  NBL_TRY(const int64_t exclude, node.integer("exclude_outside", 0));
  op.exclude_outside = exclude != 0;
  NBL_TRY(const int64_t antialias, node.integer("antialias", 0));
  if (antialias) return node.unsupported("antialias is not supported");
  node.ignore("extrapolation_value");  // only for tf_crop_and_resize, refused above
  NBL_TRY(const std::string policy, node.text("keep_aspect_ratio_policy", "stretch"));
  NBL_TRY(const std::vector<int64_t> axes, node.integers("axes", {}));
  const size_t scales_input = node.opset() < 11 ? 1 : 2;
  if (node.has(3) && node.value(3).shape != Shape{0}) {
    NBL_TRY(const std::vector<Dim> some, node.dims(3));
    NBL_TRY(const std::vector<Dim> sizes, spread<Dim>(node, some, axes, node.shape(0)));
    NBL_CHECK(take_sizes(node, sizes, policy, op));
  } else {
    NBL_TRY(const std::vector<float> some, node.floats(scales_input));
    NBL_TRY(const std::vector<float> scales, spread<float>(node, some, axes, std::vector<float>(4, 1.0f)));
    NBL_CHECK(take_scales(node, scales, op));
  }
  return finish(node, op);
}

Status import_upsample(NodeContext& node) {
  if (node.rank(0) != 4) return node.unsupported(format("input of rank %zu, supported: 4", node.rank(0)));
  Resize op;
  op.coordinates = ResizeCoordinates::asymmetric;
  op.nearest = NearestMode::floor;
  NBL_TRY(op.mode, read_mode(node));
  std::vector<float> scales;
  if (node.has(1)) {
    NBL_TRY(scales, node.floats(1));
  } else if (node.has_attribute("height_scale")) {
    NBL_TRY(const float h, node.real("height_scale", 1.0f));
    NBL_TRY(const float w, node.real("width_scale", 1.0f));
    scales = {1.0f, 1.0f, h, w};
  } else {
    NBL_TRY(scales, node.reals("scales", {}));
  }
  NBL_CHECK(take_scales(node, scales, op));
  return finish(node, op);
}

}  // namespace nibble::onnx_import

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

// What an operator says of its axes: a factor or a new size for each.
struct Extents {
  std::vector<float> scales;
  std::vector<Dim> sizes;  // instead of scales where not empty
};

// The axes that change their size; a tensor's other axes are left alone.
Result<std::vector<size_t>> changed_axes(NodeContext& node, const Extents& e) {
  const Shape& in = node.shape(0);
  const bool by_size = !e.sizes.empty();
  const size_t given = by_size ? e.sizes.size() : e.scales.size();
  if (given != in.size()) return node.fail(format("%zu scales or sizes, expected %zu", given, in.size()));
  std::vector<size_t> out;
  for (size_t i = 0; i < in.size(); ++i) {
    if (!by_size && !(e.scales[i] > 0.0f)) return node.fail("scales must be positive");
    if (by_size ? !(e.sizes[i] == in[i]) : e.scales[i] != 1.0f) out.push_back(i);
  }
  return out;
}

Status check_aligned(NodeContext& node, float scale, const Dim& d) {
  // ONNX's own tests go by the fractional size, frameworks and runtimes by the whole one.
  const double size = d.is_const() ? static_cast<double>(d.value()) * static_cast<double>(scale) : 0.0;
  if (std::abs(size - std::round(size)) <= 1e-4) return {};
  return node.unsupported(
      "align_corners with scales that make a fractional size has no agreed meaning; give sizes instead");
}

// Resizes the last two axes of a tensor of rank 4. Where others change (channels last, signals of rank 3), the tensor
// is turned and joined to that form and back; axes that keep their size go through any mode unchanged.
Status finish(NodeContext& node, Resize op, const Extents& e) {
  NBL_TRY(const std::vector<size_t> changed, changed_axes(node, e));
  const Shape in = node.shape(0);
  const size_t rank = in.size();
  NBL_TRY(TensorId x, node.tensor(0));
  if (changed.empty() && rank != 4) return node.set(0, x);
  if (changed.size() > 2) return node.unsupported(format("%zu axes are resized at once, supported: 2", changed.size()));
  std::vector<size_t> last = changed;  // the two axes that go to the end; in order, so that pictures stay as they lie
  for (size_t i = rank; i-- > 0 && last.size() < 2;) {
    if (std::find(last.begin(), last.end(), i) == last.end()) last.push_back(i);
  }
  std::sort(last.begin(), last.end());
  std::vector<int64_t> there, back(rank);
  for (size_t i = 0; i < rank; ++i) {
    if (std::find(last.begin(), last.end(), i) == last.end()) there.push_back(static_cast<int64_t>(i));
  }
  const bool leading = there.size() >= 2;
  for (size_t i : last) there.push_back(static_cast<int64_t>(i));
  for (size_t i = 0; i < rank; ++i) back[static_cast<size_t>(there[i])] = static_cast<int64_t>(i);
  const bool turned = !std::is_sorted(there.begin(), there.end());
  if (turned) {
    NBL_TRY(x, node.emit(Transpose{there}, {x}));
  }
  const Shape before = node.desc(x).shape;
  Shape flat{leading ? before[0] : Dim(1), Dim(1)};
  for (size_t i = leading ? 1 : 0; i + 2 < rank; ++i) flat[1] *= before[i];
  if (last.size() < 2) flat.push_back(1);
  for (size_t i : last) flat.push_back(in[i]);
  NBL_TRY(x, node.reshape(x, flat));
  float* const scales[2] = {&op.scale_h, &op.scale_w};
  if (!e.sizes.empty()) op.sizes = {last.size() < 2 ? Dim(1) : e.sizes[last[0]], e.sizes[last.back()]};
  for (size_t k = 0; k < 2 && e.sizes.empty(); ++k) {
    *scales[k] = last.size() < 2 && k == 0 ? 1.0f : e.scales[last.size() < 2 ? last[0] : last[k]];
    if (op.coordinates == ResizeCoordinates::align_corners) NBL_CHECK(check_aligned(node, *scales[k], flat[2 + k]));
  }
  NBL_TRY(TensorId y, node.emit(op, {x}));
  Shape after(before.begin(), before.end() - static_cast<long>(last.size()));
  const Shape resized = node.desc(y).shape;
  after.insert(after.end(), resized.end() - static_cast<long>(last.size()), resized.end());
  NBL_TRY(y, node.reshape(y, after));
  if (turned) {
    NBL_TRY(y, node.emit(Transpose{back}, {y}));
  }
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
  if (node.rank(0) == 0) return node.fail("a scalar has no axis to resize");
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
  Extents extents;
  if (node.has(3) && node.value(3).shape != Shape{0}) {
    if (policy != "stretch") return node.unsupported("keep_aspect_ratio_policy '" + policy + "' is not supported");
    NBL_TRY(const std::vector<Dim> some, node.dims(3));
    NBL_TRY(extents.sizes, spread<Dim>(node, some, axes, node.shape(0)));
  } else {
    NBL_TRY(const std::vector<float> some, node.floats(scales_input));
    NBL_TRY(extents.scales, spread<float>(node, some, axes, std::vector<float>(node.rank(0), 1.0f)));
  }
  return finish(node, op, extents);
}

Status import_upsample(NodeContext& node) {
  if (node.rank(0) == 0) return node.fail("a scalar has no axis to resize");
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
  return finish(node, op, {scales, {}});
}

}  // namespace nibble::onnx_import

// Operators that only move elements or change the shape.
#include <onnx/onnx_pb.h>

#include <algorithm>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

// From an attribute (old opsets) or an input (new ones).
Result<std::vector<int64_t>> axes_of(NodeContext& node, size_t input) {
  if (node.has(input)) return node.ints(input);
  return node.integers("axes", {});
}

Status normalize_axes(const NodeContext& node, std::vector<int64_t>& axes, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  for (int64_t& a : axes) {
    if (a < -r || a >= r) return node.fail(format("axis %lld is outside rank %zu", static_cast<long long>(a), rank));
    if (a < 0) a += r;
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) return node.fail("an axis is listed twice");
  return {};
}

Status reshape_to(NodeContext& node, Shape shape) {
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.reshape(x, std::move(shape)));
  return node.set(0, y);
}

// Clamps a slice bound; free dimensions are taken as large enough for the given numbers.
Dim slice_bound(Dim bound, const Dim& size, bool forward) {
  if (!bound.is_const()) return bound;
  const int64_t v = bound.value();
  if (v < 0) {
    const Dim from_end = size + v;
    if (!size.is_const()) return v <= -kMaxDim ? Dim(forward ? 0 : -1) : from_end;
    return std::max<int64_t>(from_end.value(), forward ? 0 : -1);
  }
  if (size.is_const()) return std::min<int64_t>(v, forward ? size.value() : size.value() - 1);
  return v >= kMaxDim ? (forward ? size : size - 1) : bound;
}

}  // namespace

Status import_reshape(NodeContext& node) {
  node.ignore("consumed_inputs");
  std::vector<Dim> target;
  if (node.has(1)) {
    NBL_TRY(target, node.dims(1));
  } else {
    NBL_TRY(const std::vector<int64_t> numbers, node.integers("shape", {}));
    target.assign(numbers.begin(), numbers.end());
  }
  NBL_TRY(const int64_t allow_zero, node.integer("allowzero", 0));
  const Shape& in = node.shape(0);
  Shape out;
  std::optional<size_t> rest;
  Dim known(1);
  for (size_t i = 0; i < target.size(); ++i) {
    Dim d = target[i];
    if (d == Dim(0) && !allow_zero) {
      if (i >= in.size()) return node.fail("a 0 in the shape refers to an axis that the input lacks");
      d = in[i];
    }
    if (d == Dim(-1)) {
      if (rest) return node.fail("the shape has more than one -1");
      rest = i;
      d = Dim(1);
    }
    known *= d;
    out.push_back(d);
  }
  if (rest) {
    if (!divides(known, elements(in))) {
      return node.fail(format("%s does not divide into %s", to_string(in).c_str(), to_string(out).c_str()));
    }
    out[*rest] = floor_div(elements(in), known);
  }
  return reshape_to(node, std::move(out));
}

Status import_flatten(NodeContext& node) {
  const Shape& in = node.shape(0);
  NBL_TRY(int64_t axis, node.integer("axis", 1));
  const auto rank = static_cast<int64_t>(in.size());
  if (axis < -rank || axis > rank) return node.fail("axis is outside the input's rank");
  if (axis < 0) axis += rank;
  Dim outer(1), inner(1);
  for (int64_t i = 0; i < rank; ++i) (i < axis ? outer : inner) *= in[static_cast<size_t>(i)];
  return reshape_to(node, {outer, inner});
}

Status import_squeeze(NodeContext& node) {
  NBL_TRY(std::vector<int64_t> axes, axes_of(node, 1));
  const Shape& in = node.shape(0);
  const bool all = axes.empty();
  NBL_CHECK(normalize_axes(node, axes, in.size()));
  Shape out;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool listed = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(i));
    if (listed && in[i].is_const() && in[i].value() != 1)
      return node.fail(format("axis %zu has size %s, not 1", i, in[i].to_string().c_str()));
    if (listed || (all && in[i] == Dim(1))) continue;
    out.push_back(in[i]);
  }
  return reshape_to(node, std::move(out));
}

Status import_unsqueeze(NodeContext& node) {
  NBL_TRY(std::vector<int64_t> axes, axes_of(node, 1));
  Shape out = node.shape(0);
  NBL_CHECK(normalize_axes(node, axes, out.size() + axes.size()));
  for (int64_t a : axes) out.insert(out.begin() + a, Dim(1));
  return reshape_to(node, std::move(out));
}

Status import_transpose(NodeContext& node) {
  std::vector<int64_t> reversed;
  for (size_t i = node.rank(0); i-- > 0;) reversed.push_back(static_cast<int64_t>(i));
  NBL_TRY(const std::vector<int64_t> perm, node.integers("perm", reversed));
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(Transpose{perm}, {x}));
  return node.set(0, y);
}

Status import_concat(NodeContext& node) {
  NBL_TRY(const int64_t axis, node.axis("axis", 1, node.rank(0)));
  std::vector<TensorId> inputs;
  for (size_t i = 0; i < node.inputs(); ++i) {
    NBL_TRY(const TensorId id, node.tensor(i));
    inputs.push_back(id);
  }
  if (inputs.size() == 1) return node.set(0, inputs[0]);
  NBL_TRY(const TensorId y, node.emit(Concat{static_cast<int32_t>(axis)}, std::move(inputs)));
  return node.set(0, y);
}

Status import_split(NodeContext& node) {
  NBL_TRY(const int64_t axis, node.axis("axis", 0, node.rank(0)));
  const Shape in = node.shape(0);
  const Dim size = in[static_cast<size_t>(axis)];
  std::vector<Dim> parts;
  if (node.has(1)) {
    NBL_TRY(parts, node.dims(1));
  } else {
    NBL_TRY(const std::vector<int64_t> split, node.integers("split", {}));
    parts.assign(split.begin(), split.end());
  }
  NBL_TRY(const int64_t count, node.integer("num_outputs", static_cast<int64_t>(node.outputs())));
  if (count < 1 || count > 65536) return node.fail("num_outputs is out of range");
  if (parts.empty()) {
    const Dim part = ceil_div(size, Dim(count));
    for (int64_t i = 0; i + 1 < count; ++i) parts.push_back(part);
    parts.push_back(size - part * Dim(count - 1));
  }
  if (parts.size() != node.outputs())
    return node.fail(format("%zu parts for %zu outputs", parts.size(), node.outputs()));
  NBL_TRY(const TensorId x, node.tensor(0));
  Slice op{Shape(in.size(), Dim(0)), std::vector<int64_t>(in.size(), 1), in};
  for (size_t i = 0; i < parts.size(); ++i) {
    op.sizes[static_cast<size_t>(axis)] = parts[i];
    NBL_TRY(const TensorId y, node.emit(op, {x}));
    NBL_CHECK(node.set(i, y));
    op.starts[static_cast<size_t>(axis)] += parts[i];
  }
  return {};
}

Status import_slice(NodeContext& node) {
  std::vector<Dim> starts, ends;
  std::vector<int64_t> axes, steps;
  if (node.has(1)) {
    NBL_TRY(starts, node.dims(1));
    NBL_TRY(ends, node.dims(2));
    if (node.has(3)) {
      NBL_TRY(axes, node.ints(3));
    }
    if (node.has(4)) {
      NBL_TRY(steps, node.ints(4));
    }
  } else {
    NBL_TRY(const std::vector<int64_t> s, node.integers("starts", {}));
    NBL_TRY(const std::vector<int64_t> e, node.integers("ends", {}));
    NBL_TRY(axes, node.integers("axes", {}));
    starts.assign(s.begin(), s.end());
    ends.assign(e.begin(), e.end());
  }
  const Shape& in = node.shape(0);
  const auto rank = static_cast<int64_t>(in.size());
  if (axes.empty()) {
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return node.fail("starts, ends, axes and steps differ in length");
  }
  Slice op{Shape(in.size(), Dim(0)), std::vector<int64_t>(in.size(), 1), in};
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t a = axes[i];
    if (a < -rank || a >= rank)
      return node.fail(
          format("axis %lld is outside rank %lld", static_cast<long long>(a), static_cast<long long>(rank)));
    if (a < 0) a += rank;
    const auto at = static_cast<size_t>(a);
    const int64_t step = std::clamp<int64_t>(steps[i], -kMaxDim, kMaxDim);  // larger ones also give one element
    if (step == 0) return node.fail("a step is 0");
    const Dim begin = slice_bound(starts[i], in[at], step > 0), end = slice_bound(ends[i], in[at], step > 0);
    op.starts[at] = begin;
    op.steps[at] = step;
    op.sizes[at] = step > 0 ? ceil_div(end - begin, Dim(step)) : ceil_div(begin - end, Dim(-step));
    if (op.sizes[at].is_const() && op.sizes[at].value() < 1) return node.unsupported("the slice is empty");
  }
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

Status import_pad(NodeContext& node) {
  Pad op;
  NBL_TRY(const std::string mode, node.text("mode", "constant"));
  if (mode == "constant")
    op.mode = PadMode::constant;
  else if (mode == "reflect")
    op.mode = PadMode::reflect;
  else if (mode == "edge")
    op.mode = PadMode::edge;
  else if (mode == "wrap")
    op.mode = PadMode::wrap;
  else
    return node.unsupported("mode '" + mode + "' is not supported");
  std::vector<int64_t> pads;
  if (node.has(1)) {
    NBL_TRY(pads, node.ints(1));
  } else {
    NBL_TRY(pads, node.integers(node.has_attribute("paddings") ? "paddings" : "pads", {}));
  }
  NBL_TRY(op.value, node.real("value", 0.0f));
  if (node.has(2)) {
    NBL_TRY(const std::vector<float> value, node.floats(2));
    if (value.size() != 1) return node.fail("the padding value must be a scalar");
    op.value = value[0];
  }
  const size_t rank = node.rank(0);
  std::vector<int64_t> axes;
  if (node.has(3)) {
    NBL_TRY(axes, node.ints(3));
  } else {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (pads.size() != 2 * axes.size())
    return node.fail(format("pads has %zu values, expected %zu", pads.size(), 2 * axes.size()));
  op.begins.assign(rank, 0);
  op.ends.assign(rank, 0);
  const Shape in = node.shape(0);
  Slice crop{Shape(rank, Dim(0)), std::vector<int64_t>(rank, 1), in};  // negative amounts take away
  bool crops = false;
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t a = axes[i] < 0 ? axes[i] + static_cast<int64_t>(rank) : axes[i];
    if (a < 0 || a >= static_cast<int64_t>(rank)) return node.fail("an axis is outside the input's rank");
    const auto at = static_cast<size_t>(a);
    const int64_t begin = pads[i], end = pads[i + axes.size()];
    if (std::max(begin, end) > kMaxDim || std::min(begin, end) < -kMaxDim)
      return node.fail("a padding is out of range");
    op.begins[at] = std::max<int64_t>(begin, 0);
    op.ends[at] = std::max<int64_t>(end, 0);
    if (begin >= 0 && end >= 0) continue;
    crops = true;
    crop.starts[at] = std::max<int64_t>(-begin, 0);
    crop.sizes[at] = in[at] - std::max<int64_t>(-begin, 0) - std::max<int64_t>(-end, 0);
  }
  NBL_TRY(TensorId x, node.tensor(0));
  if (crops) {
    NBL_TRY(x, node.emit(crop, {x}));
  }
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

Status import_gather(NodeContext& node) {
  NBL_TRY(const int64_t axis, node.axis("axis", 0, node.rank(0)));
  NBL_TRY(const TensorId data, node.tensor(0));
  const Dim size = node.shape(0)[static_cast<size_t>(axis)];
  // One known index is a slice, which is cheaper and carries any element type.
  if (node.value(1).ints && node.value(1).ints->size() == 1 && (*node.value(1).ints)[0].is_const()) {
    const int64_t index = (*node.value(1).ints)[0].value();
    if (size.is_const() && (index < -size.value() || index >= size.value()))
      return node.fail("the index is out of range");
    Slice op{Shape(node.rank(0), Dim(0)), std::vector<int64_t>(node.rank(0), 1), node.shape(0)};
    op.starts[static_cast<size_t>(axis)] = index < 0 ? size + index : Dim(index);
    op.sizes[static_cast<size_t>(axis)] = 1;
    NBL_TRY(TensorId y, node.emit(op, {data}));
    Shape shape = node.shape(0);
    shape.erase(shape.begin() + axis);
    shape.insert(shape.begin() + axis, node.shape(1).begin(), node.shape(1).end());
    NBL_TRY(y, node.reshape(y, shape));
    return node.set(0, y);
  }
  NBL_TRY(const TensorId indices, node.tensor(1));
  NBL_TRY(const TensorId y, node.emit(Gather{static_cast<int32_t>(axis)}, {data, indices}));
  return node.set(0, y);
}

Status import_expand(NodeContext& node) {
  NBL_TRY(const std::vector<Dim> target, node.dims(1));
  NBL_TRY(const Shape shape, broadcast(node.shape(0), Shape(target.begin(), target.end())));
  NBL_TRY(TensorId x, node.tensor(0));
  Shape padded = node.shape(0);
  while (padded.size() < shape.size()) padded.insert(padded.begin(), Dim(1));
  NBL_TRY(x, node.reshape(x, padded));
  if (padded == shape) return node.set(0, x);
  NBL_TRY(const TensorId y, node.emit(Expand{shape}, {x}));
  return node.set(0, y);
}

Status import_tile(NodeContext& node) {
  NBL_TRY(const std::vector<Dim> repeats, node.dims(1));
  const Shape in = node.shape(0);
  if (repeats.size() != in.size()) return node.fail("repeats and the input differ in rank");
  // [d] repeated r times is [1, d] expanded to [r, d] and flattened.
  NBL_TRY(TensorId x, node.tensor(0));
  for (size_t i = 0; i < in.size(); ++i) {
    if (repeats[i] == Dim(1)) continue;
    Shape shape = node.desc(x).shape;
    const Shape before = shape;
    shape.insert(shape.begin() + static_cast<long>(i), Dim(1));
    NBL_TRY(x, node.reshape(x, shape));
    shape[i] = repeats[i];
    NBL_TRY(x, node.emit(Expand{shape}, {x}));
    shape = before;
    shape[i] *= repeats[i];
    NBL_TRY(x, node.reshape(x, shape));
  }
  return node.set(0, x);
}

Status import_depth_to_space(NodeContext& node) {
  NBL_TRY(const int64_t b, node.integer("blocksize", 0));
  NBL_TRY(const std::string mode, node.text("mode", "DCR"));
  const Shape s = node.shape(0);
  if (s.size() != 4) return node.fail("expected an input of rank 4");
  if (b < 1 || b > 1024) return node.fail("blocksize must be in 1..1024");
  if (mode != "DCR" && mode != "CRD") return node.unsupported("mode '" + mode + "' is not supported");
  if (!divides(Dim(b * b), s[1])) return node.fail("the channels do not divide by the block's area");
  const Dim c = floor_div(s[1], Dim(b * b));
  NBL_TRY(TensorId x, node.tensor(0));
  NBL_TRY(x, node.reshape(x, mode == "DCR" ? Shape{s[0], b, b, c, s[2], s[3]} : Shape{s[0], c, b, b, s[2], s[3]}));
  NBL_TRY(x, node.emit(Transpose{mode == "DCR" ? std::vector<int64_t>{0, 3, 4, 1, 5, 2}
                                               : std::vector<int64_t>{0, 1, 4, 2, 5, 3}},
                       {x}));
  NBL_TRY(x, node.reshape(x, {s[0], c, s[2] * Dim(b), s[3] * Dim(b)}));
  return node.set(0, x);
}

Status import_space_to_depth(NodeContext& node) {
  NBL_TRY(const int64_t b, node.integer("blocksize", 0));
  const Shape s = node.shape(0);
  if (s.size() != 4) return node.fail("expected an input of rank 4");
  if (b < 1 || b > 1024) return node.fail("blocksize must be in 1..1024");
  if (!divides(Dim(b), s[2]) || !divides(Dim(b), s[3]))
    return node.fail("height or width does not divide by blocksize");
  const Dim h = floor_div(s[2], Dim(b)), w = floor_div(s[3], Dim(b));
  NBL_TRY(TensorId x, node.tensor(0));
  NBL_TRY(x, node.reshape(x, {s[0], s[1], h, b, w, b}));
  NBL_TRY(x, node.emit(Transpose{{0, 3, 5, 1, 2, 4}}, {x}));
  NBL_TRY(x, node.reshape(x, {s[0], s[1] * Dim(b * b), h, w}));
  return node.set(0, x);
}

Status import_constant(NodeContext& node) {
  Constant constant;
  if (const auto* a = node.attribute("value")) {
    NBL_TRY(constant, read_tensor(a->t(), node.folder()));
  } else if (node.has_attribute("value_float") || node.has_attribute("value_floats")) {
    NBL_TRY(const float single, node.real("value_float", 0.0f));
    NBL_TRY(const std::vector<float> many, node.reals("value_floats", {single}));
    if (node.has_attribute("value_float") && many.size() != 1)
      return node.fail("both value_float and value_floats are given");
    const Shape shape = node.has_attribute("value_float") ? Shape{} : Shape{static_cast<int64_t>(many.size())};
    NBL_TRY(const TensorId id, node.constant(shape, many));
    return node.set(0, id);
  } else if (node.has_attribute("value_int") || node.has_attribute("value_ints")) {
    NBL_TRY(const int64_t single, node.integer("value_int", 0));
    NBL_TRY(const std::vector<int64_t> many, node.integers("value_ints", {single}));
    if (node.has_attribute("value_int") && many.size() != 1)
      return node.fail("both value_int and value_ints are given");
    const Shape shape = node.has_attribute("value_int") ? Shape{} : Shape{static_cast<int64_t>(many.size())};
    return node.set_ints(0, shape, std::vector<Dim>(many.begin(), many.end()));
  } else {
    return node.unsupported("supported are value, value_float(s) and value_int(s)");
  }
  NBL_TRY(const TensorId id, node.constant(std::move(constant)));
  return node.set(0, id);
}

}  // namespace nibble::onnx_import

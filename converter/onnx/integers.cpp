// Shape arithmetic: integer tensors whose contents are known when converting, possibly as expressions of free
// dimensions.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

using Ints = std::vector<Dim>;

struct Array {
  std::vector<int64_t> shape;
  Ints values;
};

// Saturates at a number far beyond kMaxKnown.
int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t d : shape) count = std::min<int64_t>(count, kMaxDim) * std::min<int64_t>(d, kMaxDim);
  return count;
}

bool too_many(int64_t count) { return count > static_cast<int64_t>(kMaxKnown); }

Array array(const NodeContext& node, size_t i) { return {values(node.shape(i)), *node.value(i).ints}; }

Shape to_shape(const std::vector<int64_t>& v) { return Shape(v.begin(), v.end()); }

// Flat index into an array of `shape`, broadcast, for the flat index `i` of `out`.
size_t broadcast_index(size_t i, const std::vector<int64_t>& out, const std::vector<int64_t>& shape) {
  size_t index = 0, stride = 1;
  for (size_t k = 0; k < shape.size(); ++k) {
    const auto d = static_cast<size_t>(out[out.size() - 1 - k]);
    const auto s = static_cast<size_t>(shape[shape.size() - 1 - k]);
    if (s != 1) index += (i % d) * stride;
    stride *= s;
    i /= d;
  }
  return index;
}

std::optional<int64_t> apply_to_numbers(const std::string& op, int64_t a, int64_t b) {
  if (op == "Max") return std::max(a, b);
  if (op == "Min") return std::min(a, b);
  if (op == "Less") return a < b;
  if (op == "LessOrEqual") return a <= b;
  if (op == "Greater") return a > b;
  if (op == "GreaterOrEqual") return a >= b;
  if (op == "And") return a && b;
  if (op == "Or") return a || b;
  if (op == "Xor") return !a != !b;
  if (op != "Mod") return std::nullopt;
  const int64_t rest = b == -1 ? 0 : a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;  // the sign is the divisor's
}

Result<std::optional<Dim>> apply(const std::string& op, const Dim& a, const Dim& b) {
  const bool both = a.is_const() && b.is_const();
  if (op == "Add") return std::optional(a + b);
  if (op == "Sub") return std::optional(a - b);
  if (op == "Mul") return std::optional(a * b);
  if (op == "Div") {
    if (b == Dim(0)) return Error{Code::invalid_argument, "division by zero"};
    if (both) return std::optional(Dim(b.value() == -1 ? -a.value() : a.value() / b.value()));  // ONNX truncates
    return std::optional(floor_div(a, b));                                                      // sizes are positive
  }
  if (op == "Equal") return both || a == b ? std::optional(Dim(a == b)) : std::nullopt;
  if (both && op == "Mod" && b.value() == 0) return Error{Code::invalid_argument, "division by zero"};
  if (!both) return std::optional<Dim>();
  const std::optional<int64_t> number = apply_to_numbers(op, a.value(), b.value());
  return number ? std::optional(Dim(*number)) : std::nullopt;
}

constexpr const char* kComparisons[] = {"Equal",          "Less", "LessOrEqual", "Greater",
                                        "GreaterOrEqual", "And",  "Or",          "Xor"};
constexpr const char* kArithmetic[] = {"Add", "Sub", "Mul", "Div", "Mod", "Max", "Min"};

template <size_t N>
bool among(const char* const (&names)[N], const std::string& name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Result<bool> fold_arithmetic(NodeContext& node) {
  const bool truth = among(kComparisons, node.type());
  if (node.type() == "Mod") {
    NBL_TRY(const int64_t as_in_c, node.integer("fmod", 0));
    if (as_in_c) return false;
  }
  const Array a = array(node, 0), b = array(node, 1);
  NBL_TRY(const Shape shape, broadcast(to_shape(a.shape), to_shape(b.shape)));
  const std::vector<int64_t> out = values(shape);
  if (too_many(count_of(out))) return false;
  Ints result;
  for (size_t i = 0; i < static_cast<size_t>(count_of(out)); ++i) {
    NBL_TRY(const std::optional<Dim> value,
            apply(node.type(), a.values[broadcast_index(i, out, a.shape)], b.values[broadcast_index(i, out, b.shape)]));
    if (!value) return false;
    result.push_back(*value);
  }
  NBL_CHECK(node.set_ints(0, shape, std::move(result), truth ? DType::boolean : DType::i64));
  return true;
}

Result<bool> fold_where(NodeContext& node) {
  const Array c = array(node, 0), a = array(node, 1), b = array(node, 2);
  NBL_TRY(Shape shape, broadcast(to_shape(a.shape), to_shape(b.shape)));
  NBL_TRY(shape, broadcast(shape, to_shape(c.shape)));
  const std::vector<int64_t> out = values(shape);
  if (too_many(count_of(out))) return false;
  Ints result;
  for (size_t i = 0; i < static_cast<size_t>(count_of(out)); ++i) {
    const Dim& condition = c.values[broadcast_index(i, out, c.shape)];
    if (!condition.is_const()) return false;
    const Array& from = condition.value() ? a : b;
    result.push_back(from.values[broadcast_index(i, out, from.shape)]);
  }
  NBL_CHECK(node.set_ints(0, shape, std::move(result), node.value(1).type));
  return true;
}

Result<bool> fold_gather(NodeContext& node) {
  const Array data = array(node, 0), indices = array(node, 1);
  NBL_TRY(const int64_t axis, node.axis("axis", 0, data.shape.size()));
  std::vector<int64_t> out(data.shape.begin(), data.shape.begin() + axis);
  out.insert(out.end(), indices.shape.begin(), indices.shape.end());
  out.insert(out.end(), data.shape.begin() + axis + 1, data.shape.end());
  if (too_many(count_of(out))) return false;
  const int64_t size = data.shape[static_cast<size_t>(axis)];
  int64_t inner = 1, outer = 1;  // at most what the output has, which is bounded
  for (size_t i = 0; i < data.shape.size(); ++i) {
    if (i != static_cast<size_t>(axis)) (i < static_cast<size_t>(axis) ? outer : inner) *= data.shape[i];
  }
  Ints result;
  for (int64_t o = 0; o < outer && !indices.values.empty(); ++o) {
    for (const Dim& index : indices.values) {
      if (!index.is_const()) return false;
      const int64_t at = index.value() < 0 ? index.value() + size : index.value();
      if (at < 0 || at >= size) return node.fail("an index is out of range");
      for (int64_t i = 0; i < inner; ++i)
        result.push_back(data.values[static_cast<size_t>((o * size + at) * inner + i)]);
    }
  }
  NBL_CHECK(node.set_ints(0, to_shape(out), std::move(result), node.value(0).type));
  return true;
}

Result<bool> fold_concat(NodeContext& node) {
  Ints result;
  int64_t length = 0;
  for (size_t i = 0; i < node.inputs(); ++i) {
    if (node.rank(i) != 1) return false;
    node.ignore("axis");
    const Array part = array(node, i);
    length += part.shape[0];
    if (too_many(length)) return false;
    result.insert(result.end(), part.values.begin(), part.values.end());
  }
  NBL_CHECK(node.set_ints(0, {length}, std::move(result)));
  return true;
}

Result<bool> fold_slice(NodeContext& node) {
  if (node.rank(0) != 1) return false;
  std::vector<int64_t> starts, ends, steps{1};
  if (node.has(1)) {
    NBL_TRY(starts, node.ints(1));
    NBL_TRY(ends, node.ints(2));
    if (node.has(4)) {
      NBL_TRY(steps, node.ints(4));
    }
  } else {
    NBL_TRY(starts, node.integers("starts", {}));
    NBL_TRY(ends, node.integers("ends", {}));
    node.ignore("axes");
  }
  if (starts.size() != 1 || ends.size() != 1 || steps.size() != 1 || steps[0] == 0) return false;
  const Array data = array(node, 0);
  const auto size = static_cast<int64_t>(data.values.size());
  const bool forward = steps[0] > 0;
  const auto bound = [&](int64_t v) {
    return std::clamp(v < 0 ? v + size : v, forward ? int64_t{0} : int64_t{-1}, forward ? size : size - 1);
  };
  Ints result;
  const int64_t step = std::clamp<int64_t>(steps[0], -kMaxDim, kMaxDim);
  for (int64_t i = bound(starts[0]); forward ? i < bound(ends[0]) : i > bound(ends[0]); i += step) {
    result.push_back(data.values[static_cast<size_t>(i)]);
  }
  const auto length = static_cast<int64_t>(result.size());
  NBL_CHECK(node.set_ints(0, {length}, std::move(result), node.value(0).type));
  return true;
}

Result<bool> fold_range(NodeContext& node) {
  NBL_TRY(const std::vector<int64_t> start, node.ints(0));
  NBL_TRY(const std::vector<int64_t> limit, node.ints(1));
  NBL_TRY(const std::vector<int64_t> delta, node.ints(2));
  if (start.size() != 1 || limit.size() != 1 || delta.size() != 1 || delta[0] == 0)
    return node.fail("expected scalars and a delta that is not 0");
  for (int64_t v : {start[0], limit[0], delta[0]}) {
    if (v > kMaxDim || v < -kMaxDim) return node.unsupported("a number beyond 32 bits");
  }
  Ints result;
  for (int64_t v = start[0]; delta[0] > 0 ? v < limit[0] : v > limit[0]; v += delta[0]) {
    if (result.size() >= kMaxKnown) return node.unsupported("a range of more than 2^16 values");
    result.push_back(v);
  }
  const auto length = static_cast<int64_t>(result.size());
  NBL_CHECK(node.set_ints(0, {length}, std::move(result)));
  return true;
}

// Same values, another shape: Reshape, Squeeze, Unsqueeze, Flatten of a known array.
Result<bool> fold_reshape(NodeContext& node, Shape shape) {
  NBL_CHECK(node.set_ints(0, std::move(shape), *node.value(0).ints, node.value(0).type));
  return true;
}

Result<bool> fold_view(NodeContext& node) {
  const Array data = array(node, 0);
  const auto n = static_cast<int64_t>(data.values.size());
  std::vector<int64_t> axes;
  if (node.type() != "Reshape" && node.has(1)) {
    NBL_TRY(axes, node.ints(1));
  } else if (node.type() != "Reshape") {
    NBL_TRY(axes, node.integers("axes", {}));
  }
  if (node.type() == "Squeeze") {
    if (data.shape.size() != 1 || n != 1) return false;
    return fold_reshape(node, {});
  }
  if (node.type() == "Unsqueeze") {
    if (axes.size() != 1 || data.shape.size() > 1) return false;
    const auto rank = static_cast<int64_t>(data.shape.size()) + 1;
    if (axes[0] < -rank || axes[0] >= rank)
      return node.fail(
          format("axis %lld is outside rank %lld", static_cast<long long>(axes[0]), static_cast<long long>(rank)));
    if (data.shape.empty()) return fold_reshape(node, {1});
    return fold_reshape(node, axes[0] == 0 || axes[0] == -2 ? Shape{1, n} : Shape{n, 1});
  }
  node.ignore("allowzero");
  NBL_TRY(const std::vector<int64_t> target, node.ints(1));
  if (target.size() > 1 || (target.empty() && n != 1)) return false;
  if (!target.empty() && target[0] != -1 && target[0] != n) return false;
  return fold_reshape(node, target.empty() ? Shape{} : Shape{n});
}

Result<bool> fold_negation(NodeContext& node) {
  Ints result;
  for (const Dim& d : *node.value(0).ints) result.push_back(Dim(0) - d);
  NBL_CHECK(node.set_ints(0, node.shape(0), std::move(result)));
  return true;
}

Result<bool> fold_not(NodeContext& node) {
  Ints result;
  for (const Dim& d : *node.value(0).ints) {
    if (!d.is_const()) return false;
    result.push_back(Dim(!d.value()));
  }
  NBL_CHECK(node.set_ints(0, node.shape(0), std::move(result), DType::boolean));
  return true;
}

Result<bool> fold_product(NodeContext& node) {
  if (node.rank(0) != 1) return false;
  for (const char* name : {"axes", "noop_with_empty_axes"}) node.ignore(name);
  NBL_TRY(const int64_t keep, node.integer("keepdims", 1));
  Dim product(1);
  for (const Dim& d : *node.value(0).ints) product *= d;
  NBL_CHECK(node.set_ints(0, keep ? Shape{1} : Shape{}, {product}));
  return true;
}

Result<bool> fold_cast(NodeContext& node) {
  const auto* to = node.attribute("to");
  auto type = element_type(to ? static_cast<int32_t>(to->i()) : 0);
  if (!type || (*type != DType::i64 && *type != DType::boolean)) return false;
  Ints result = *node.value(0).ints;
  if (*type == DType::boolean) {
    for (Dim& d : result) d = Dim(!(d == Dim(0)));
  }
  NBL_CHECK(node.set_ints(0, node.shape(0), std::move(result), *type));
  return true;
}

}  // namespace

Status import_shape(NodeContext& node) {
  const Shape& shape = node.shape(0);
  if (node.type() == "Size") return node.set_ints(0, {}, {elements(shape)});
  const auto rank = static_cast<int64_t>(shape.size());
  NBL_TRY(int64_t start, node.integer("start", 0));
  NBL_TRY(int64_t end, node.integer("end", rank));
  start = std::clamp(start < 0 ? start + rank : start, int64_t{0}, rank);
  end = std::clamp(end < 0 ? end + rank : end, start, rank);
  return node.set_ints(0, {end - start}, Ints(shape.begin() + start, shape.begin() + end));
}

// Range of floats; of integers it is shape arithmetic.
Status import_range(NodeContext& node) {
  std::vector<float> bounds;
  for (size_t i = 0; i < 3; ++i) {
    NBL_TRY(const std::vector<float> value, node.floats(i));
    if (value.size() != 1) return node.fail("expected scalars");
    bounds.push_back(value[0]);
  }
  const double count =
      std::ceil((static_cast<double>(bounds[1]) - static_cast<double>(bounds[0])) / static_cast<double>(bounds[2]));
  if (!(count >= 1.0 && count <= static_cast<double>(kMaxKnown)))
    return node.unsupported("the range must have 1 to 2^16 values");
  std::vector<float> out;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i)
    out.push_back(bounds[0] + static_cast<float>(i) * bounds[2]);
  NBL_TRY(const TensorId id, node.constant({static_cast<int64_t>(count)}, out));
  return node.set(0, id);
}

Status import_constant_of_shape(NodeContext& node) {
  NBL_TRY(const std::vector<int64_t> sizes, node.ints(0));
  uint64_t count = 1;
  for (int64_t d : sizes) {
    if (d < 0 || d > kMaxDim || count * static_cast<uint64_t>(std::max<int64_t>(d, 1)) > static_cast<uint64_t>(kMaxDim))
      return node.fail("the shape is out of range");
    count *= static_cast<uint64_t>(d);
  }
  Constant value;
  if (const auto* a = node.attribute("value")) {
    NBL_TRY(value, read_tensor(a->t(), node.folder()));
  } else {
    value.bytes.assign(4, std::byte{0});
  }
  if (value.bytes.size() != bytes_per_element(value.desc.type)) return node.fail("value must have one element");
  if (value.desc.type == DType::i64 && count <= kMaxKnown) {
    int64_t v = 0;
    std::copy_n(value.bytes.begin(), 8, reinterpret_cast<std::byte*>(&v));
    return node.set_ints(0, to_shape(sizes), Ints(count, Dim(v)));
  }
  value.desc.shape = Shape(sizes.size(), Dim(1));
  NBL_TRY(TensorId id, node.constant(std::move(value)));
  if (!(to_shape(sizes) == node.desc(id).shape)) {
    NBL_TRY(id, node.emit(Expand{to_shape(sizes)}, {id}));
  }
  return node.set(0, id);
}

Result<bool> fold_integers(NodeContext& node) {
  const std::string& type = node.type();
  if (node.inputs() == 0) return false;
  for (size_t i = 0; i < node.inputs(); ++i) {
    if (!node.has(i) && i > 0 && type == "Slice") continue;
    if (!node.has(i)) return false;
    const Value& v = node.value(i);
    if (!v.ints || v.ints->size() > kMaxKnown || !is_const(v.shape)) return false;
  }
  const bool two = node.inputs() == 2;
  if (two && (among(kArithmetic, type) || among(kComparisons, type))) return fold_arithmetic(node);
  if (type == "Not") return fold_not(node);
  if (type == "Where" && node.inputs() == 3) return fold_where(node);
  if (type == "Gather" && two) return fold_gather(node);
  if (type == "Concat") return fold_concat(node);
  if (type == "Slice") return fold_slice(node);
  if (type == "Range" && node.inputs() == 3) return fold_range(node);
  if (type == "Reshape" || type == "Squeeze" || type == "Unsqueeze") return fold_view(node);
  if (type == "ReduceProd") return fold_product(node);
  if (type == "Cast") return fold_cast(node);
  if (type == "Neg") return fold_negation(node);
  if (type == "Identity") return fold_reshape(node, node.shape(0));
  return false;
}

}  // namespace nibble::onnx_import

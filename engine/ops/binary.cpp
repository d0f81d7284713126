#include "ops/binary.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

bool equal_to(const Dim& dim, int64_t value) { return dim.is_const() && dim.value() == value; }

// Two sizes along one axis. A free size against a fixed one above 1 must turn out to be that size when it is bound.
Result<Dim> broadcast(const Dim& a, const Dim& b) {
  if (a == b || equal_to(b, 1)) return a;
  if (equal_to(a, 1)) return b;
  if (a.is_const() && b.is_const()) {
    return bad_node(format("sizes %s and %s do not broadcast", a.to_string().c_str(), b.to_string().c_str()));
  }
  return a.is_const() ? a : b.is_const() ? b : a;
}

Result<TensorDesc> integer_output(const Binary& op, Inputs inputs, Shape shape) {
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_clamp(op.clamp, DType::i8));
  if (op.kind == BinaryKind::mul) {
    NBL_CHECK(check_multiplier(op.multiplier_x, op.shift));
  } else if (op.kind == BinaryKind::add || op.kind == BinaryKind::sub) {
    // Two products of at most 255 * 2^21 each stay below 2^31.
    const int64_t most = (int64_t{1} << 21) - 1;
    NBL_CHECK(check_range("multiplier_x", op.multiplier_x, -most, most));
    NBL_CHECK(check_range("multiplier_y", op.multiplier_y, -most, most));
    NBL_CHECK(check_range("shift", op.shift, 0, 31));
  } else {
    return bad_node(format("kind: integer nodes are add, sub or mul, found %s", to_string(op.kind)));
  }
  NBL_CHECK(like(inputs[1], "y", {}));
  return declared_quantized(inputs, x, std::move(shape));
}

Result<TensorDesc> float_output(Inputs inputs, Shape shape) {
  TensorDesc out;
  out.shape = std::move(shape);
  out.type = inputs[0].type == inputs[1].type ? inputs[0].type : DType::f32;
  // Mixed widths: a network of fp16 activations keeps some constants in fp32, and says which width it wants.
  if (inputs[0].type != inputs[1].type && !inputs.declared.empty() && is_float(inputs.declared[0].type)) {
    out.type = inputs.declared[0].type;
  }
  return out;
}

}  // namespace

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const Dim& from_a = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim& from_b = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    auto dim = broadcast(from_a, from_b);
    if (!dim) {
      return bad_node(format("shapes %s and %s do not broadcast", to_string(a).c_str(), to_string(b).c_str()));
    }
    out[out.size() - 1 - i] = *dim;
  }
  return out;
}

Result<Outputs> infer(const Binary& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 2, 2));
  if (!is_valid(op.kind)) return bad_node(format("kind: unknown function number %d", static_cast<int>(op.kind)));
  const TensorDesc& x = inputs[0];
  const TensorDesc& y = inputs[1];
  NBL_TRY(Shape shape, broadcast(x.shape, y.shape));
  NBL_CHECK(check_activation(op.activation, !is_float(x.type)));
  TensorDesc out;
  if (is_float(x.type) && is_float(y.type)) {
    NBL_TRY(out, float_output(inputs, std::move(shape)));
  } else if (x.type == DType::i8 && y.type == DType::i8) {
    NBL_TRY(out, integer_output(op, inputs, std::move(shape)));
  } else if (x.type == y.type && (x.type == DType::i32 || x.type == DType::i64)) {
    if (op.kind == BinaryKind::pow || op.kind == BinaryKind::prelu) {
      return bad_node(format("kind: %s is not defined for type %s", to_string(op.kind), to_string(x.type)));
    }
    out.type = x.type;
    out.shape = std::move(shape);
  } else {
    return bad_node(format("x and y: expected both float, both i8, both i32 or both i64, found %s and %s",
                           to_string(x.type), to_string(y.type)));
  }
  return one_output(std::move(out));
}

AxisMap axes(const Binary&, Inputs inputs) {
  AxisMap map;
  const auto shape = broadcast(inputs[0].shape, inputs[1].shape);
  if (!shape) return map;
  for (size_t slot = 0; slot < 2; ++slot) broadcast_axes(map, inputs, slot, *shape);
  return map;
}

}  // namespace nibble

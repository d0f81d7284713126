// Comparisons, logic and Where on data that is computed at run time. The engine has no tensors of truth values to
// compute with: they are floats, 0 or 1, which products and differences keep exact. (On known integers fold_integers()
// decides.) Comparisons with NaN, which are all false in ONNX, are not defined here.
#include <utility>

#include "converter/onnx/finite.h"
#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

// Floats of an input of floats, integers or truth values.
Result<TensorId> as_floats(NodeContext& node, size_t input) {
  NBL_TRY(const TensorId x, node.tensor(input));
  const DType type = node.desc(x).type;
  if (type == DType::f32) return x;
  if (type != DType::i64 && type != DType::boolean)
    return node.unsupported(format("input %zu is %s, supported: float, int64 and bool", input, to_string(type)));
  TensorDesc declared;
  declared.type = DType::f32;
  return node.emit(Convert{}, {x}, {declared});
}

// 1 - x: the opposite of a truth value.
Result<TensorId> negated(NodeContext& node, TensorId x) {
  return node.emit(Unary{UnaryKind::affine, -1.0f, 1.0f}, {x});
}

Result<TensorId> binary(NodeContext& node, BinaryKind kind, TensorId a, TensorId b) {
  return node.emit(Binary{.kind = kind}, {a, b});
}

// a - b as floats. Integers are subtracted as such: large ones that differ may be the same float.
Result<TensorId> difference(NodeContext& node, size_t a, size_t b) {
  if (node.value(a).type == DType::i64 && node.value(b).type == DType::i64) {
    NBL_TRY(const TensorId x, node.tensor(a));
    NBL_TRY(const TensorId y, node.tensor(b));
    NBL_TRY(const TensorId between, binary(node, BinaryKind::sub, x, y));
    TensorDesc declared;
    declared.type = DType::f32;
    return node.emit(Convert{}, {between}, {declared});
  }
  NBL_TRY(const TensorId x, as_floats(node, a));
  NBL_TRY(const TensorId y, as_floats(node, b));
  return binary(node, BinaryKind::sub, x, y);
}

}  // namespace

// By the sign of the difference: -1, 0 or 1.
Status import_comparison(NodeContext& node) {
  const std::string& type = node.type();
  const bool swapped = type == "Less" || type == "GreaterOrEqual";
  NBL_TRY(TensorId y, swapped ? difference(node, 1, 0) : difference(node, 0, 1));
  NBL_TRY(y, node.emit(Unary{UnaryKind::sign}, {y}));
  NBL_TRY(y, node.emit(Unary{type == "Equal" ? UnaryKind::abs : UnaryKind::relu}, {y}));
  if (type == "Equal" || type.ends_with("OrEqual")) {
    NBL_TRY(y, negated(node, y));
  }
  return node.set(0, y, DType::boolean);
}

Status import_logic(NodeContext& node) {
  const std::string& type = node.type();
  NBL_TRY(TensorId y, as_floats(node, 0));
  if (type == "Not") {
    NBL_TRY(y, negated(node, y));
    return node.set(0, y, DType::boolean);
  }
  NBL_TRY(const TensorId b, as_floats(node, 1));
  NBL_TRY(y, binary(node, type == "And" ? BinaryKind::mul : type == "Or" ? BinaryKind::max : BinaryKind::sub, y, b));
  if (type == "Xor") {
    NBL_TRY(y, node.emit(Unary{UnaryKind::abs}, {y}));
  }
  return node.set(0, y, DType::boolean);
}

// condition * a + (1 - condition) * b. 0 times infinity is no zero: the branch that is not taken would show.
Status import_where(NodeContext& node) {
  for (size_t i = 1; i <= 2; ++i) {
    if (node.value(i).type != DType::f32)
      return node.unsupported(format("input %zu is %s, supported: float, or integers that are known when converting", i,
                                     to_string(node.value(i).type)));
  }
  NBL_TRY(const TensorId condition, as_floats(node, 0));
  NBL_TRY(TensorId a, node.tensor(1));
  NBL_TRY(TensorId b, node.tensor(2));
  for (size_t i = 1; i <= 2; ++i) {
    const std::string reason = not_finite(node.graph(), i == 1 ? a : b);
    if (!reason.empty())
      return node.unsupported(format(
          "input %zu may be infinite or NaN where it is not chosen (%s); supported: what is finite everywhere, as by a "
          "Clip or Max before",
          i, reason.c_str()));
  }
  NBL_TRY(a, binary(node, BinaryKind::mul, condition, a));
  NBL_TRY(const TensorId otherwise, negated(node, condition));
  NBL_TRY(b, binary(node, BinaryKind::mul, otherwise, b));
  NBL_TRY(const TensorId y, binary(node, BinaryKind::add, a, b));
  return node.set(0, y);
}

}  // namespace nibble::onnx_import

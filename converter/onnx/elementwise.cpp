// Elementwise operators.
#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct UnaryRow {
  const char* name;
  UnaryKind kind;
  const char* a_name = nullptr;
  float a = 0.0f;
  const char* b_name = nullptr;
  float b = 0.0f;
};

// ONNX defaults of the parameters.
constexpr UnaryRow kUnary[] = {
    {"Abs", UnaryKind::abs},
    {"Ceil", UnaryKind::ceil},
    {"Celu", UnaryKind::celu, "alpha", 1.0f},
    {"Cos", UnaryKind::cos},
    {"Elu", UnaryKind::elu, "alpha", 1.0f},
    {"Erf", UnaryKind::erf},
    {"Exp", UnaryKind::exp},
    {"Floor", UnaryKind::floor},
    {"HardSigmoid", UnaryKind::hard_sigmoid, "alpha", 0.2f, "beta", 0.5f},
    {"HardSwish", UnaryKind::hard_swish},
    {"LeakyRelu", UnaryKind::leaky_relu, "alpha", 0.01f},
    {"Log", UnaryKind::log},
    {"Mish", UnaryKind::mish},
    {"Neg", UnaryKind::neg},
    {"Reciprocal", UnaryKind::reciprocal},
    {"Relu", UnaryKind::relu},
    {"Round", UnaryKind::round},
    {"Selu", UnaryKind::selu, "alpha", 1.67326319217681884765625f, "gamma", 1.05070102214813232421875f},
    {"Sigmoid", UnaryKind::sigmoid},
    {"Sign", UnaryKind::sign},
    {"Sin", UnaryKind::sin},
    {"Softplus", UnaryKind::softplus},
    {"Softsign", UnaryKind::softsign},
    {"Sqrt", UnaryKind::sqrt},
    {"Tanh", UnaryKind::tanh},
    {"ThresholdedRelu", UnaryKind::thresholded_relu, "alpha", 1.0f},
};

Status need_float(const NodeContext& node, size_t input) {
  if (node.value(input).type == DType::f32) return {};
  return node.unsupported(format("input %zu is %s, supported: float", input, to_string(node.value(input).type)));
}

Status emit_unary(NodeContext& node, Unary op) {
  NBL_CHECK(need_float(node, 0));
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

// Operators before opset 7 broadcast b to a's axes from `axis` on.
Result<TensorId> align_old_broadcast(NodeContext& node, TensorId b) {
  NBL_TRY(const int64_t broadcast, node.integer("broadcast", 0));
  if (!node.has_attribute("axis") || !broadcast) return b;
  NBL_TRY(const int64_t axis, node.axis("axis", 0, node.rank(0)));
  Shape shape = node.desc(b).shape;
  while (static_cast<int64_t>(shape.size()) + axis < static_cast<int64_t>(node.rank(0))) shape.push_back(1);
  return node.reshape(b, shape);
}

BinaryKind binary_kind(const std::string& type) {
  if (type == "Add") return BinaryKind::add;
  if (type == "Sub") return BinaryKind::sub;
  if (type == "Mul") return BinaryKind::mul;
  if (type == "Div") return BinaryKind::div;
  if (type == "Pow") return BinaryKind::pow;
  return BinaryKind::prelu;
}

}  // namespace

Status import_unary(NodeContext& node) {
  node.ignore("consumed_inputs");
  for (const UnaryRow& row : kUnary) {
    if (node.type() != row.name) continue;
    Unary op{row.kind};
    if (row.a_name) {
      NBL_TRY(op.a, node.real(row.a_name, row.a));
    }
    if (row.b_name) {
      NBL_TRY(op.b, node.real(row.b_name, row.b));
    }
    return emit_unary(node, op);
  }
  return node.unsupported("the operator is not supported");
}

Status import_clip(NodeContext& node) {
  node.ignore("consumed_inputs");
  Unary op{UnaryKind::clip, -kInfinity, kInfinity};
  NBL_TRY(op.a, node.real("min", -kInfinity));
  NBL_TRY(op.b, node.real("max", kInfinity));
  bool computed = false;
  for (size_t i = 1; i <= 2; ++i) {
    if (!node.has(i)) continue;
    computed = computed || (!node.is_constant(i) && node.value(i).type == DType::f32);
    if (computed) continue;
    NBL_TRY(const std::vector<float> bound, node.floats(i));
    if (bound.size() != 1) return node.fail("a bound must be a scalar");
    (i == 1 ? op.a : op.b) = bound[0];
  }
  // ONNX: with min > max every element becomes max, which is what min(max(x, a), b) gives.
  if (!computed) return emit_unary(node, op);
  NBL_CHECK(need_float(node, 0));
  NBL_TRY(TensorId y, node.tensor(0));
  for (size_t i = 1; i <= 2; ++i) {
    if (!node.has(i)) continue;
    if (!(elements(node.shape(i)) == Dim(1))) return node.fail("a bound must be a scalar");
    NBL_TRY(const TensorId bound, node.tensor(i));
    NBL_TRY(y, node.emit(Binary{.kind = i == 1 ? BinaryKind::max : BinaryKind::min}, {y, bound}));
  }
  return node.set(0, y);
}

Status import_gelu(NodeContext& node) {
  NBL_TRY(const std::string approximate, node.text("approximate", "none"));
  if (approximate != "none" && approximate != "tanh")
    return node.unsupported("approximate '" + approximate + "' is not supported");
  return emit_unary(node, Unary{approximate == "none" ? UnaryKind::gelu : UnaryKind::gelu_tanh});
}

Status import_identity(NodeContext& node) {
  NBL_TRY(const TensorId x, node.tensor(0));
  return node.set(0, x);
}

Status import_dropout(NodeContext& node) {
  for (const char* name : {"ratio", "seed", "is_test", "consumed_inputs"}) node.ignore(name);
  if (node.has(2)) {
    NBL_TRY(const std::vector<int64_t> training, node.ints(2));
    if (training.size() != 1 || training[0]) return node.unsupported("training mode is not supported");
  }
  if (node.wants_output(1)) {  // the mask: everything is kept
    if (node.rank(0) == 0) return node.unsupported("the mask of a scalar is not supported");
    Constant kept;
    kept.desc.type = DType::boolean;
    kept.desc.shape = Shape(node.rank(0), Dim(1));
    kept.bytes.assign(1, std::byte{1});
    NBL_TRY(const TensorId one, node.constant(std::move(kept)));
    NBL_TRY(const TensorId mask, node.emit(Expand{node.shape(0)}, {one}));
    NBL_CHECK(node.set(1, mask));
  }
  return import_identity(node);
}

Status import_binary(NodeContext& node) {
  node.ignore("consumed_inputs");
  const BinaryKind kind = binary_kind(node.type());
  if (node.inputs() != 2) return node.fail("expected two inputs");
  NBL_TRY(TensorId a, node.tensor(0));
  NBL_TRY(TensorId b, node.tensor(1));
  NBL_TRY(b, align_old_broadcast(node, b));
  if (kind == BinaryKind::pow && node.value(0).type == DType::f32 && node.value(1).type == DType::i64) {
    TensorDesc to_float;
    to_float.type = DType::f32;
    NBL_TRY(b, node.emit(Convert{}, {b}, {to_float}));
  }
  // ONNX PRelu broadcasts the slope to x as NumPy does (opset 7 and later); before that [C] meant channels.
  if (kind == BinaryKind::prelu && node.opset() < 7 && node.rank(1) == 1 && node.rank(0) > 2) {
    Shape shape = node.shape(1);
    while (shape.size() + 1 < node.rank(0)) shape.push_back(1);
    NBL_TRY(b, node.reshape(b, shape));
  }
  NBL_TRY(const TensorId y, node.emit(Binary{.kind = kind}, {a, b}));
  return node.set(0, y);
}

Status import_variadic(NodeContext& node) {
  node.ignore("consumed_inputs");
  const BinaryKind kind = node.type() == "Max"   ? BinaryKind::max
                          : node.type() == "Min" ? BinaryKind::min
                                                 : BinaryKind::add;
  if (node.inputs() == 0) return node.fail("expected at least one input");
  NBL_TRY(TensorId sum, node.tensor(0));
  for (size_t i = 1; i < node.inputs(); ++i) {
    NBL_TRY(const TensorId next, node.tensor(i));
    NBL_TRY(sum, node.emit(Binary{.kind = kind}, {sum, next}));
  }
  if (node.type() == "Mean" && node.inputs() > 1) {
    NBL_TRY(sum, node.emit(Unary{UnaryKind::affine, 1.0f / static_cast<float>(node.inputs()), 0.0f}, {sum}));
  }
  return node.set(0, sum);
}

Status import_cast(NodeContext& node) {
  node.ignore("saturate");
  NBL_TRY(const int64_t to, node.integer("to", 0));
  auto type = element_type(static_cast<int32_t>(to));
  if (!type) return std::move(type).error();
  NBL_TRY(const TensorId x, node.tensor(0));
  const DType from = node.value(0).type;
  // Truth values that were computed are floats, 0 or 1 (logic.cpp).
  if (from == *type || (from == DType::boolean && node.desc(x).type == *type)) return node.set(0, x);
  TensorDesc declared;
  declared.type = *type;
  // Bytes that carry no scale yet (an input of pixels) are their own value: those of scale 1.
  const bool bytes = from == DType::u8 || from == DType::i8;
  if (bytes && *type == DType::f32 && node.desc(x).type == from) {
    if (!node.give_quantization(x, Quant::tensor(1.0f, 0)))
      return node.unsupported(
          "a cast of bytes that are computed on before is not supported; that of an input of pixels is, also behind "
          "Transpose, Reshape and Slice");
    if (node.desc(x).quant != Quant::tensor(1.0f, 0))
      return node.unsupported("a cast of quantized bytes to float is not supported; DequantizeLinear is");
    NBL_TRY(const TensorId y, node.emit(Convert{}, {x}, {declared}));
    return node.set(0, y);
  }
  if (from == DType::f32 && *type == DType::boolean) {
    NBL_TRY(TensorId y, node.emit(Unary{UnaryKind::sign}, {x}));
    NBL_TRY(y, node.emit(Unary{UnaryKind::abs}, {y}));
    return node.set(0, y, DType::boolean);
  }
  const bool supported = (from == DType::f32 && *type == DType::i64) || (from == DType::i64 && *type == DType::f32) ||
                         (from == DType::boolean && *type == DType::i64) ||
                         (from == DType::boolean && *type == DType::f32);
  if (!supported)
    return node.unsupported(format("cast from %s to %s is not supported", to_string(from), to_string(*type)));
  NBL_TRY(const TensorId y, node.emit(Convert{}, {x}, {declared}));
  return node.set(0, y);
}

}  // namespace nibble::onnx_import

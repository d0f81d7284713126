// Operators that compute on quantized tensors by themselves (QLinearConv, MatMulInteger and their like, ONNX's and ONNX
// Runtime's): written as QDQ files say the same, DequantizeLinear, the float operator, QuantizeLinear, with the scales
// that the file gives.
//
// Where activations are quantized by each input's own range (DynamicQuantizeLinear), they are taken as they were
// before: weights keep their grid, and what quantizes them is this converter.
#include <algorithm>
#include <cmath>

#include "converter/onnx/expansion.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

using Type = ::onnx::TensorProto;

// Whether input `i`, scales or zero points of x, is one number or several along an axis of x. [1, N] is several for a
// matrix's columns; numbers of each row, and of each matrix of several, are refused.
Result<bool> several_along(NodeContext& node, size_t i, size_t x, int64_t axis) {
  if (!node.has(i)) return false;
  const Shape& shape = node.shape(i);
  if (std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d == Dim(1); })) return false;
  const auto from_end = static_cast<int64_t>(node.rank(x)) - axis;  // where that axis is in `shape`
  const auto at = static_cast<int64_t>(shape.size()) - from_end;
  for (size_t k = 0; k < shape.size() && shape.size() > 1; ++k) {
    if (static_cast<int64_t>(k) != at && !(shape[k] == Dim(1)))
      return node.unsupported(
          format("input %zu of shape %s: supported are scales and zero points along axis %lld of "
                 "input %zu, of shape %s",
                 i, to_string(shape).c_str(), static_cast<long long>(axis), x, to_string(node.shape(x)).c_str()));
  }
  return true;
}

// The numbers that a quantized input stands for. `axis`: of scales that are several.
Result<std::string> dequantized(NodeContext& node, Expansion& to, size_t x, size_t scale, size_t zero_point,
                                int64_t axis = 0) {
  NBL_TRY(const bool several, several_along(node, scale, x, axis));
  NBL_CHECK(several_along(node, zero_point, x, axis));
  const std::string y = to.add("DequantizeLinear", {to.in(x), to.in(scale), to.in(zero_point)});
  if (several) to.set("axis", axis);
  return y;
}

// Of the type of the zero point; without one, of input `like`.
void quantized(NodeContext& node, Expansion& to, const std::string& real, size_t scale, size_t zero_point,
               size_t like) {
  to.add("QuantizeLinear", {real, to.in(scale), to.in(zero_point)}, to.out());
  if (!node.has(zero_point))
    to.set("output_dtype", static_cast<int64_t>(node.value(like).type == DType::i8 ? Type::INT8 : Type::UINT8));
}

Status require(NodeContext& node, size_t inputs) {
  for (size_t i = 0; i < inputs; ++i) {
    if (!node.has(i)) return node.fail(format("input %zu is missing", i));
  }
  return {};
}

// NHWC, which ONNX Runtime uses in files that it has optimised for one machine.
Status check_layout(NodeContext& node) {
  NBL_TRY(const int64_t last, node.integer("channels_last", 0));
  if (last) return node.unsupported("channels_last is not supported; save the network before it is optimised");
  return {};
}

// An int32 bias in units of `factor` x the two scales.
Result<std::string> bias(NodeContext& node, Expansion& to, size_t b, size_t x_scale, size_t w_scale, float factor) {
  if (!node.has(b)) return std::string();
  NBL_TRY(const std::vector<float> x, node.floats(x_scale));
  NBL_TRY(std::vector<float> scales, node.floats(w_scale));
  if (x.size() != 1) return node.unsupported("activations with a scale per channel");
  const Dim size = elements(node.shape(b));
  if (scales.size() != 1 && !(size == Dim(static_cast<int64_t>(scales.size()))))
    return node.fail(format("a bias of %s elements with %zu scales", size.to_string().c_str(), scales.size()));
  for (float& s : scales) {
    s *= x[0] * factor;
    if (!std::isfinite(s)) return node.fail(format("the bias's scale is %g", static_cast<double>(s)));
  }
  return to.add("DequantizeLinear", {to.in(b), to.floats(scales)});
}

int64_t last_axis(NodeContext& node, size_t i) { return std::max<int64_t>(static_cast<int64_t>(node.rank(i)) - 1, 0); }

// Matrices [..., K, N] with the scales of their columns.
Result<std::string> matrix(NodeContext& node, Expansion& to, size_t b, size_t scale, size_t zero_point) {
  return dequantized(node, to, b, scale, zero_point, last_axis(node, b));
}

// Weights as integers: float numbers with a scale of one.
Result<std::string> whole_numbers(NodeContext& node, Expansion& to, size_t w, size_t zero_point, int64_t axis) {
  if (is_dynamic(node, w)) return to.plain(w);
  size_t count = 1;
  if (node.has(zero_point)) {
    NBL_CHECK(several_along(node, zero_point, w, axis));
    NBL_TRY(const std::vector<int64_t> zero, quantized_values(node, zero_point));
    count = zero.size();
  }
  const bool several = node.has(zero_point) && node.rank(zero_point) == 1;
  const std::string ones = to.floats(std::vector<float>(count, 1.0f), several);
  const std::string y = to.add("DequantizeLinear", {to.in(w), ones, to.in(zero_point)});
  if (count > 1) to.set("axis", axis);
  return y;
}

// What DynamicQuantizeLinear gives is a float tensor here, which ONNX knows as uint8 (dynamic.cpp).
Status check_dynamic(NodeContext& node) {
  if (is_dynamic(node, 0)) return {};
  return node.unsupported("supported behind DynamicQuantizeLinear only");
}

}  // namespace

// x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias
Status import_qlinear_conv(NodeContext& node) {
  NBL_CHECK(require(node, 8));
  NBL_CHECK(check_layout(node));
  Expansion to(node);
  NBL_TRY(const std::string x, dequantized(node, to, 0, 1, 2));
  NBL_TRY(const std::string w, dequantized(node, to, 3, 4, 5, 0));
  NBL_TRY(const std::string b, bias(node, to, 8, 1, 4, 1.0f));
  const std::string y = to.add("Conv", {x, w, b});
  to.copy_attributes({"channels_last"});
  quantized(node, to, y, 6, 7, 0);
  return to.run();
}

// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
Status import_qlinear_matmul(NodeContext& node) {
  NBL_CHECK(require(node, 8));
  Expansion to(node);
  NBL_TRY(const std::string a, dequantized(node, to, 0, 1, 2));
  NBL_TRY(const std::string b, matrix(node, to, 3, 4, 5));
  quantized(node, to, to.add("MatMul", {a, b}), 6, 7, 0);
  return to.run();
}

// a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero; float where there is no y_scale
Status import_qgemm(NodeContext& node) {
  NBL_CHECK(require(node, 6));
  Expansion to(node);
  NBL_TRY(const float alpha, node.real("alpha", 1.0f));
  NBL_TRY(const int64_t transposed, node.integer("transB", 0));
  NBL_TRY(const std::string a, dequantized(node, to, 0, 1, 2));
  NBL_TRY(const std::string b, dequantized(node, to, 3, 4, 5, transposed ? 0 : 1));
  NBL_TRY(const std::string c, bias(node, to, 6, 1, 4, alpha));
  const std::string y = to.add("Gemm", {a, b, c}, node.has(7) ? "" : to.out());
  to.copy_attributes();
  if (node.has(7)) quantized(node, to, y, 7, 8, 0);
  return to.run();
}

// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
Status import_qlinear_binary(NodeContext& node) {
  NBL_CHECK(require(node, 2));
  if (!node.has(3) || !node.has(4) || !node.has(6)) return node.fail("expected two tensors with their scales");
  Expansion to(node);
  NBL_TRY(const std::string a, dequantized(node, to, 0, 1, 2));
  NBL_TRY(const std::string b, dequantized(node, to, 3, 4, 5));
  quantized(node, to, to.add(node.type() == "QLinearAdd" ? "Add" : "Mul", {a, b}), 6, 7, 0);
  return to.run();
}

// x, x_scale, x_zero, y_scale, y_zero
Status import_qlinear_unary(NodeContext& node) {
  NBL_CHECK(require(node, 2));
  if (!node.has(3)) return node.fail("the scale of its result is missing");
  NBL_CHECK(check_layout(node));
  if (node.type() == "QLinearSoftmax") {
    // Up to opset 12 all axes from `axis` on are one.
    NBL_TRY(const int64_t meant, node.integer("opset", node.opset()));
    NBL_TRY(const int64_t axis, node.integer("axis", -1));
    if ((meant < 13) != (node.opset() < 13) && axis != -1 && axis != last_axis(node, 0))
      return node.unsupported(format("a Softmax of opset %lld over axis %lld in a network of opset %lld",
                                     static_cast<long long>(meant), static_cast<long long>(axis),
                                     static_cast<long long>(node.opset())));
  }
  const std::string type = node.type().substr(std::string("QLinear").size());
  Expansion to(node);
  NBL_TRY(const std::string x, dequantized(node, to, 0, 1, 2));
  const std::string y = to.add(type, {x});
  to.copy_attributes({"channels_last", "opset"});
  // ONNX Runtime's is the last axis, whatever Softmax's of that opset is.
  if (type == "Softmax" && !node.has_attribute("axis")) to.set("axis", int64_t{-1});
  quantized(node, to, y, 3, 4, 0);
  return to.run();
}

// y_scale, y_zero, then a tensor, its scale and its zero point each
Status import_qlinear_concat(NodeContext& node) {
  if (node.inputs() < 5 || (node.inputs() - 2) % 3 != 0)
    return node.fail(format("%zu inputs, expected 2 and 3 for each tensor", node.inputs()));
  NBL_CHECK(require(node, node.inputs()));
  Expansion to(node);
  std::vector<std::string> parts;
  for (size_t i = 2; i < node.inputs(); i += 3) {
    NBL_TRY(parts.emplace_back(), dequantized(node, to, i, i + 1, i + 2));
  }
  const std::string y = to.add("Concat", parts);
  to.copy_attributes();
  quantized(node, to, y, 0, 1, 2);
  return to.run();
}

// y, y_scale, y_zero of x: x itself in units of one.
Status import_dynamic_quantize(NodeContext& node) {
  if (node.value(0).type != DType::f32) return node.unsupported("its input is no tensor of floats");
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_CHECK(node.set(0, x, DType::u8));
  node.set_units(0, {{x, -1}});
  if (node.outputs() < 2) return {};
  NBL_TRY(const TensorId one, node.constant(Shape{}, std::vector<float>{1.0f}));
  NBL_CHECK(node.set(1, one));
  node.set_units(1, {{x, 1}});
  if (node.outputs() < 3) return {};
  Constant zero;
  zero.desc.type = DType::u8;
  zero.bytes.assign(1, std::byte{0});
  NBL_TRY(const TensorId zero_point, node.constant(std::move(zero)));
  NBL_CHECK(node.set(2, zero_point));
  node.set_units(2, {{x, 0}});
  return {};
}

// a, b, a_zero, b_zero: the product of what DynamicQuantizeLinear was given with whole numbers
Status import_matmul_integer(NodeContext& node) {
  NBL_CHECK(require(node, 2));
  NBL_CHECK(check_dynamic(node));
  Expansion to(node);
  NBL_TRY(const std::string a, to.plain(0));
  NBL_TRY(const std::string b, whole_numbers(node, to, 1, 3, last_axis(node, 1)));
  to.add("MatMul", {a, b}, to.out());
  return to.run();
}

Status import_conv_integer(NodeContext& node) {
  NBL_CHECK(require(node, 2));
  NBL_CHECK(check_dynamic(node));
  Expansion to(node);
  NBL_TRY(const std::string x, to.plain(0));
  NBL_TRY(const std::string w, whole_numbers(node, to, 1, 3, 0));
  to.add("Conv", {x, w}, to.out());
  to.copy_attributes();
  return to.run();
}

// a, b, a_scale, b_scale, a_zero, b_zero, bias; or (DynamicQuantizeMatMul) a, b, b_scale, b_zero, bias
Status import_matmul_to_float(NodeContext& node) {
  const bool dynamic = node.type() == "DynamicQuantizeMatMul";
  NBL_CHECK(require(node, dynamic ? 3 : 4));
  Expansion to(node);
  const size_t b_scale = dynamic ? 2 : 3, b_zero = dynamic ? 3 : 5, c = dynamic ? 4 : 6;
  std::string a = to.in(0);
  if (dynamic) {
    if (node.value(0).type != DType::f32)
      return node.unsupported(format("its input is %s, expected float", to_string(node.value(0).type)));
  } else {
    NBL_TRY(a, dequantized(node, to, 0, 2, 4));
  }
  NBL_TRY(const std::string b, matrix(node, to, 1, b_scale, b_zero));
  const std::string y = to.add("MatMul", {a, b}, node.has(c) ? std::string() : to.out());
  if (node.has(c)) to.add("Add", {y, to.in(c)}, to.out());
  return to.run();
}

}  // namespace nibble::onnx_import

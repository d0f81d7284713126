// Tensors quantized by each input's own range (DynamicQuantizeLinear) are taken as they were before, and their scale as
// one. That is right only where the scale comes back: integers, products of integers and scales are followed until a
// DequantizeLinear or Mul brings them together, and nobody else may read them.
#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

// The one tensor whose integers an input is.
TensorId source(const NodeContext& node, size_t i) { return node.value(i).units.begin()->first; }

bool is_scale_of(const NodeContext& node, size_t i, TensorId x) { return node.value(i).units == Units{{x, 1}}; }
bool is_zero_of(const NodeContext& node, size_t i, TensorId x) { return node.value(i).units == Units{{x, 0}}; }

Error other_numbers(const NodeContext& node) {
  return node.unsupported("it reads DynamicQuantizeLinear with another scale or zero point than that gives");
}

Result<Units> of_whole_product(const NodeContext& node) {
  Units units;
  for (size_t i = 0; i < 2; ++i) {
    if (!is_dynamic(node, i)) {
      if (!node.value(i).units.empty() || !node.value(i + 2).units.empty()) return other_numbers(node);
      continue;
    }
    if (!is_zero_of(node, i + 2, source(node, i))) return other_numbers(node);
    --units[source(node, i)];
  }
  return units;
}

}  // namespace

bool is_dynamic(const NodeContext& node, size_t i) {
  const Value& x = node.value(i);
  return x.type == DType::u8 && x.id != kNoTensor && node.desc(x.id).type == DType::f32;
}

Result<Units> result_units(const NodeContext& node) {
  bool any = false;
  for (size_t i = 0; i < node.inputs(); ++i) any = any || !node.value(i).units.empty();
  if (!any) return Units{};
  const std::string& type = node.type();
  if (type == "Shape" || type == "Size") return Units{};
  if (type == "MatMulIntegerToFloat") return Units{};  // what it is made of is looked at
  if (type == "MatMulInteger" || type == "ConvInteger") return of_whole_product(node);
  if (type == "DequantizeLinear") {
    if (is_dynamic(node, 0) && is_scale_of(node, 1, source(node, 0)) && is_zero_of(node, 2, source(node, 0)))
      return Units{};
    return other_numbers(node);
  }
  const Units& first = node.value(0).units;
  if (type == "Mul" && node.value(0).type == DType::f32 && node.value(1).type == DType::f32) {
    Units units = first;
    for (const auto& [x, power] : node.value(1).units) units[x] += power;
    std::erase_if(units, [](const auto& unit) { return unit.second == 0; });
    return units;
  }
  bool moves = type == "Cast" && node.value(0).type == DType::f32;
  if (only_moves(type) && type != "Pad") {  // which fills with other numbers
    moves = true;
    for (size_t i = 1; i < node.inputs(); ++i)
      moves = moves && node.value(i).units == (type == "Concat" ? first : Units{});
  }
  if (moves) return first;
  return node.unsupported(
      "it reads what DynamicQuantizeLinear or a product of its integers gives; supported are DequantizeLinear with its "
      "scale and zero point, MatMulInteger, ConvInteger, a Mul with the scale, and what moves elements");
}

}  // namespace nibble::onnx_import

// QuantizeLinear and DequantizeLinear. Both become Convert; a network's own scales live in the tensors' quantization,
// where the quantizer finds and honours them. uint8 is kept as int8 with the zero point moved by 128, which changes no
// value.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr const char* kManyCopies = "constants are dequantized with too many different scales each";

struct Parameters {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  DType type = DType::u8;  // of the quantized side
  int64_t axis = 1;
};

Result<Parameters> read_parameters(NodeContext& node, DType quantized_type, bool type_known) {
  Parameters p;
  NBL_TRY(p.scales, node.floats(1));
  p.type = type_known ? quantized_type : DType::u8;
  // What lies between as int8 may stand for uint8: the zero point's type says so.
  if (node.has(2) && (node.value(2).type == DType::u8 || node.value(2).type == DType::i8)) p.type = node.value(2).type;
  node.ignore("saturate");
  node.ignore("precision");
  if (const auto* a = node.attribute("output_dtype"); a && a->i() && !type_known) {
    NBL_TRY(p.type, element_type(static_cast<int32_t>(a->i())));
  }
  NBL_TRY(const int64_t block, node.integer("block_size", 0));
  if (block) return node.unsupported("blocked quantization is not supported");
  if (node.has(2)) {
    if (!type_known) p.type = node.value(2).type;
    NBL_TRY(p.zero_points, quantized_values(node, 2));
  } else {
    p.zero_points.assign(p.scales.size(), 0);
  }
  if (p.type != DType::i8 && p.type != DType::u8)
    return node.unsupported(format("quantization to %s is not supported", to_string(p.type)));
  if (p.zero_points.size() != p.scales.size() || p.scales.empty())
    return node.fail(format("%zu scales with %zu zero points", p.scales.size(), p.zero_points.size()));
  for (float s : p.scales) {
    if (!(s > 0.0f) || !std::isfinite(s))
      return node.fail(format("a scale is %g, expected a positive finite number", static_cast<double>(s)));
  }
  const size_t rank = node.rank(0);
  NBL_TRY(int64_t axis, node.integer("axis", 1));
  const auto r = static_cast<int64_t>(rank);
  p.axis = axis < 0 ? axis + r : axis;
  if (p.scales.size() > 1 && (p.axis < 0 || p.axis >= r)) return node.fail("axis is outside the input's rank");
  return p;
}

// Zero point as stored: uint8 moves by 128.
int32_t stored_zero_point(const Parameters& p) {
  return static_cast<int32_t>(p.zero_points[0] - (p.type == DType::u8 ? 128 : 0));
}

}  // namespace

Result<std::vector<int64_t>> quantized_values(NodeContext& node, size_t input) {
  NBL_TRY(const TensorId id, node.tensor(input));
  const Tensor& tensor = node.graph_tensor(id);
  if (!tensor.is_constant()) return node.unsupported(format("input %zu must be a constant", input));
  std::vector<int64_t> out;
  if (tensor.desc.type == DType::i8) {
    for (int8_t v : tensor.constant->as<int8_t>()) out.push_back(v);
  } else if (tensor.desc.type == DType::u8) {
    for (uint8_t v : tensor.constant->as<uint8_t>()) out.push_back(v);
  } else if (tensor.desc.type == DType::i64) {
    for (int64_t v : tensor.constant->as<int64_t>()) out.push_back(v);
  } else {
    return node.unsupported(format("input %zu is %s, expected integers", input, to_string(tensor.desc.type)));
  }
  return out;
}

Status import_quantize(NodeContext& node) {
  NBL_TRY(const Parameters p, read_parameters(node, DType::u8, false));
  if (p.scales.size() != 1) return node.unsupported("a computed tensor can be quantized per tensor only");
  NBL_TRY(const TensorId x, node.tensor(0));
  TensorDesc declared;
  declared.type = DType::i8;
  declared.quant = Quant::tensor(p.scales[0], stored_zero_point(p));
  NBL_TRY(const TensorId y, node.emit(Convert{.clamp = {-128, 127}}, {x}, {declared}));
  return node.set(0, y, p.type);
}

Status import_dequantize(NodeContext& node) {
  const DType from = node.value(0).type;
  if (is_dynamic(node, 0)) {
    for (const char* name : {"axis", "block_size", "output_dtype"}) node.ignore(name);
    // Of DynamicQuantizeLinear: never quantized, in units of one.
    NBL_TRY(const std::vector<float> scale, node.floats(1));
    std::vector<int64_t> zero{0};
    if (node.has(2)) {
      NBL_TRY(zero, quantized_values(node, 2));
    }
    if (scale != std::vector<float>{1.0f} || zero != std::vector<int64_t>{0})
      return node.unsupported("it reads DynamicQuantizeLinear with another scale or zero point than that gives");
    return node.set(0, node.value(0).id, DType::f32);
  }
  if (from == DType::i64) {  // an int32 bias: dequantized here, its scale is the product of the other two
    NBL_TRY(const std::vector<float> scales, node.floats(1));
    NBL_TRY(const TensorId stored, node.tensor(0));
    NBL_TRY(const std::vector<int64_t> q, quantized_values(node, 0));
    node.ignore("axis");
    node.ignore("block_size");
    node.ignore("output_dtype");
    if (node.has(2)) {
      NBL_TRY(const std::vector<int64_t> zero, quantized_values(node, 2));
      if (std::any_of(zero.begin(), zero.end(), [](int64_t z) { return z != 0; }))
        return node.unsupported("int32 with a zero point is not supported");
    }
    if (scales.size() != 1 && scales.size() != q.size())
      return node.unsupported(format("int32 of %zu elements with %zu scales; one, or one an element, are supported",
                                     q.size(), scales.size()));
    for (float s : scales) {
      if (!std::isfinite(s)) return node.fail(format("a scale is %g", static_cast<double>(s)));
    }
    TensorId& made = node.dequantized(stored, scales, {}, 0, from);
    if (made != kNoTensor) return node.set(0, made);
    if (!node.first_copy(stored) && !node.grow(q.size())) return node.unsupported(kManyCopies);
    std::vector<float> values;
    for (size_t i = 0; i < q.size(); ++i)
      values.push_back(
          static_cast<float>(static_cast<double>(q[i]) * static_cast<double>(scales[scales.size() == 1 ? 0 : i])));
    NBL_TRY(const TensorId id, node.constant(node.shape(0), values));
    made = id;
    return node.set(0, id);
  }
  NBL_TRY(const Parameters p, read_parameters(node, from, from == DType::i8 || from == DType::u8));
  if (!node.is_constant(0)) {
    NBL_TRY(const TensorId x, node.tensor(0));
    if (p.scales.size() != 1) return node.unsupported("a computed tensor can be dequantized per tensor only");
    // A network's input that is quantized itself keeps its type and gets the scale.
    const bool moved = p.type == DType::u8 && node.desc(x).type == DType::i8;
    const Quant quant =
        Quant::tensor(p.scales[0], moved ? stored_zero_point(p) : static_cast<int32_t>(p.zero_points[0]));
    if (!node.give_quantization(x, quant) || node.desc(x).quant != quant) {
      return node.unsupported("scale or zero point differ from those the tensor was quantized with");
    }
    TensorDesc declared;
    declared.type = DType::f32;
    NBL_TRY(const TensorId y, node.emit(Convert{}, {x}, {declared}));
    return node.set(0, y);
  }
  // Constant weights: real values now, with the scales beside them as the quantization to go back to.
  const std::vector<int64_t> shape = values(node.shape(0));
  const auto n = static_cast<int64_t>(p.scales.size());
  if (n != 1 && n != shape[static_cast<size_t>(p.axis)])
    return node.fail(format("%lld scales along axis %lld, which has size %lld", static_cast<long long>(n),
                            static_cast<long long>(p.axis),
                            static_cast<long long>(shape[static_cast<size_t>(p.axis)])));
  NBL_TRY(const TensorId stored, node.tensor(0));
  TensorId& made = node.dequantized(stored, p.scales, p.zero_points, n == 1 ? 0 : p.axis, p.type);
  if (made != kNoTensor) return node.set(0, made);
  NBL_TRY(std::vector<int64_t> q, quantized_values(node, 0));
  if (!node.first_copy(stored) && !node.grow(q.size())) return node.unsupported(kManyCopies);
  if (p.type == DType::u8 && node.desc(stored).type == DType::i8) {
    for (int64_t& v : q) v += 128;
  }
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(p.axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  std::vector<float> real(q.size());
  for (size_t i = 0; i < q.size(); ++i) {
    const auto c = n == 1 ? 0 : static_cast<size_t>(static_cast<int64_t>(i) / inner % n);
    real[i] = p.scales[c] * static_cast<float>(q[i] - p.zero_points[c]);
  }
  NBL_TRY(const TensorId id, node.constant(node.shape(0), real));
  const bool symmetric = std::all_of(p.zero_points.begin(), p.zero_points.end(), [](int64_t z) { return z == 0; });
  if (p.type == DType::i8 && symmetric) {
    node.graph_tensor(id).desc.quant =
        n == 1 ? Quant::tensor(p.scales[0], 0) : Quant::channel(static_cast<int32_t>(p.axis), p.scales);
  }
  made = id;
  return node.set(0, id);
}

}  // namespace nibble::onnx_import

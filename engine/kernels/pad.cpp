#include "ops/pad.h"

#include <cmath>

#include "core/half.h"
#include "core/requantize.h"
#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"

namespace nibble {
namespace {

// The bits of the padding constant in the tensor's element type.
uint32_t fill_bits(float value, const TensorDesc& desc) {
  switch (desc.type) {
    case DType::f32: return float_bits(value);
    case DType::f16: return half_from_float(value);
    case DType::i8:
    case DType::u8: {
      const bool is_signed = desc.type == DType::i8;
      const bool scaled = desc.quant.kind == Quant::Kind::per_tensor;
      return static_cast<uint32_t>(quantize(value, scaled ? desc.quant.scale() : 1.0f,
                                            scaled ? desc.quant.zero_point : 0, is_signed ? -128 : 0,
                                            is_signed ? 127 : 255)) &
             0xFFu;
    }
    default: return static_cast<uint32_t>(static_cast<int32_t>(value));
  }
}

Outside outside_of(PadMode mode) {
  switch (mode) {
    case PadMode::constant: return Outside::constant;
    case PadMode::reflect: return Outside::reflect;
    case PadMode::edge: return Outside::edge;
    case PadMode::wrap: return Outside::wrap;
  }
  return Outside::constant;
}

}  // namespace

Status lower(const Pad& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.as_it_lies(node.inputs[0]));
  const Layout layout = x.layout.flat() ? default_layout(x.shape.size()) : x.layout;
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  std::vector<CopyAxis> axes = identity_axes(y.shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    axes[i].start = -op.begins[i];
    if (op.begins[i] != 0 || op.ends[i] != 0) axes[i].outside = outside_of(op.mode);
  }
  return emit_copy(lowering, x, y, axes, fill_bits(op.value, *y.desc));
}

}  // namespace nibble

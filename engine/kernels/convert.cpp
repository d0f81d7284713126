#include "ops/convert.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

bool is_float(DType type) { return type == DType::f32 || type == DType::f16; }
bool is_bytes(DType type) { return type == DType::i8 || type == DType::u8 || type == DType::boolean; }

// The upper 12 of the 24 bits of a float's significand.
float upper_half(float value) {
  uint32_t bits = float_bits(value) & 0xFFFFF000u;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

params::ConvertParams convert_params(const Operand& from, const Operand& to, const Convert& op) {
  params::ConvertParams p{};
  set_units(p, to.units);
  const Quant& quant = is_float(to.type) ? from.desc->quant : to.desc->quant;
  p.scale = quant.scale();
  p.inverse_scale = 1.0f / p.scale;
  p.scale_high = upper_half(p.scale);
  p.scale_low = p.scale - p.scale_high;
  p.zero_in = from.desc->quant.zero_point;
  p.zero_out = to.desc->quant.zero_point;
  p.multiplier = op.multiplier;
  p.shift = op.shift;
  p.out_min = op.clamp.min;
  p.out_max = op.clamp.max;
  return p;
}

}  // namespace

Status emit_convert(Lowering& lowering, const Operand& from, const Operand& to, const Convert& op) {
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::convert, {ElementType::any, element_type(from.type), element_type(to.type)}));
  Step step = linear_step(
      kernel, to.units.units(), {reads(from.buffer), writes(to.buffer)}, push_words(convert_params(from, to, op)),
      {{NBL_SPEC_OWN, needs_mask(to.units)}, {NBL_SPEC_OWN + 1, to.type == DType::boolean ? 1u : 0u}});
  step.integer = !is_float(from.type) && !is_float(to.type);
  lowering.emit(std::move(step));
  return {};
}

namespace {

// A network's input in host order becomes quantized blocks in one step.
Status emit_quantize_flat(Lowering& lowering, const Operand& from, const Operand& to, const Convert& op) {
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::convert, {ElementType::any, element_type(from.type), element_type(to.type)}));
  params::ConvertParams p = convert_params(from, to, op);
  // Four neighbours at a time where they stay together.
  const int64_t units = p.inner % 4 == 0 ? 4 : 1;
  p.units = static_cast<uint32_t>(to.units.units() / units);
  lowering.emit(
      linear_step(kernel, p.units, {reads(from.buffer), writes(to.buffer)}, push_words(p),
                  {{NBL_SPEC_OWN, 0u}, {NBL_SPEC_OWN + 1, 0u}, {NBL_SPEC_OWN + 2, static_cast<uint32_t>(units)}}));
  return {};
}

}  // namespace

Result<Operand> float_input(Lowering& lowering, TensorId tensor, std::vector<int64_t> shape, Layout layout,
                            DType type) {
  NBL_TRY(const Operand x, lowering.input_view(tensor, std::move(shape), layout, type));
  if (x.type == type) return x;
  TensorDesc desc = lowering.graph().desc(tensor);
  desc.type = type;
  NBL_TRY(Operand converted, lowering.scratch_tensor(desc, x.shape, layout));
  converted.desc = x.desc;
  converted.type = type;
  NBL_CHECK(emit_convert(lowering, x, converted, Convert{}));
  return converted;
}

Status lower(const Convert& op, const Node& node, Lowering& lowering) {
  const TensorDesc& from = lowering.graph().desc(node.inputs[0]);
  const TensorDesc& to = lowering.graph().desc(node.outputs[0]);
  const bool bytes = to.type == DType::i8 || to.type == DType::u8;
  if (from.type == DType::f32 && bytes && lowering.layout_of(node.inputs[0], Layout{}).flat()) {
    NBL_TRY(const Operand x, lowering.as_it_lies(node.inputs[0]));
    if (x.layout.flat()) {
      NBL_TRY(const Operand y, lowering.output(node.outputs[0], default_layout(from.shape.size())));
      return emit_quantize_flat(lowering, x, y, op);
    }
  }
  const Layout layout = lowering.layout_of(node.inputs[0], default_layout(from.shape.size()));
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], layout));
  // The same words mean the same numbers: i32 and i64 (which is i32 on the device), equal floats, boolean to itself.
  const bool same_integers = element_type(from.type) == ElementType::i32 && element_type(to.type) == ElementType::i32;
  if (same_integers || (from.type == to.type && !is_bytes(from.type)) ||
      (from.type == DType::boolean && to.type == DType::boolean)) {
    lowering.adopt(node.outputs[0], x);
    return {};
  }
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  return emit_convert(lowering, x, y, op);
}

}  // namespace nibble

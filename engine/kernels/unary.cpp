#include "ops/unary.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

Status lower_table(const Node& node, Lowering& lowering) {
  const bool per_channel = lowering.graph().desc(node.inputs[1]).shape.size() == 2;
  const Layout has = lowering.layout_of(node.inputs[0], default_layout(lowering.shape_of(node.inputs[0]).size()));
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], per_channel ? Layout{1} : has));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], x.layout));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::table, {ElementType::any, element_type(x.type), ElementType::any}));
  BlobSpec spec;
  spec.pieces.push_back({node.inputs[1], BlobPiece::Form::stored, {}, {}, std::nullopt});
  NBL_TRY(const BufferId table, lowering.blob(spec));
  params::TableParams p{};
  set_units(p, x.units);
  Step step = linear_step(kernel, x.units.units(), {reads(x.buffer), reads(table), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, per_channel ? 1u : 0u}});
  step.integer = true;
  lowering.emit(std::move(step));
  return {};
}

// A parameter of an integer function as the kernel reads it: an integer's bits, saturated.
float integer_parameter(float value) {
  const double limited = std::isnan(value) ? 0.0 : std::clamp(std::trunc(double{value}), -2147483648.0, 2147483647.0);
  const auto whole = static_cast<int32_t>(limited);
  float bits = 0.0f;
  std::memcpy(&bits, &whole, sizeof(bits));
  return bits;
}

}  // namespace

Status lower(const Unary& op, const Node& node, Lowering& lowering) {
  if (node.inputs.size() > 1 && node.inputs[1] != kNoTensor) return lower_table(node, lowering);
  if (op.kind == UnaryKind::identity && lowering.alias(node.outputs[0], node.inputs[0])) return {};
  const Layout layout = lowering.layout_of(node.inputs[0], default_layout(lowering.shape_of(node.inputs[0]).size()));
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], layout));
  if (op.kind == UnaryKind::identity) {
    lowering.adopt(node.outputs[0], x);
    return {};
  }
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], layout));
  const ElementType type = element_type(x.type);
  NBL_TRY(const int32_t kernel, lowering.select(Family::unary, {ElementType::any, type, ElementType::any}));
  params::UnaryParams p{};
  set_units(p, x.units);
  p.a = type == ElementType::i32 ? integer_parameter(op.a) : op.a;
  p.b = type == ElementType::i32 ? integer_parameter(op.b) : op.b;
  lowering.emit(linear_step(kernel, x.units.units(), {reads(x.buffer), writes(y.buffer)}, push_words(p),
                            {{NBL_SPEC_ACT, static_cast<uint32_t>(op.kind)}, {NBL_SPEC_OWN, needs_mask(x.units)}}));
  return {};
}

}  // namespace nibble

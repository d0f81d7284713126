#include "ops/binary.h"

#include "core/text.h"
#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

int64_t element_count(std::span<const int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

// The layout of the larger operand, where it has one and spans all axes of the result.
Layout result_layout(const Node& node, const Lowering& lowering, size_t rank) {
  Layout layout = default_layout(rank);
  int64_t most = 0;
  for (const TensorId id : node.inputs) {
    const std::vector<int64_t> shape = lowering.shape_of(id);
    const Layout has = lowering.layout_of(id, Layout{});
    if (has.flat() || shape.size() != rank || element_count(shape) <= most) continue;
    most = element_count(shape);
    layout = has;
  }
  return layout;
}

Result<Operand> operand(Lowering& lowering, TensorId id, size_t rank, Layout layout, DType type) {
  std::vector<int64_t> shape = lowering.shape_of(id);
  shape.insert(shape.begin(), std::max<size_t>(rank, 1) - shape.size(), 1);
  if (type == DType::f32 || type == DType::f16) return float_input(lowering, id, std::move(shape), layout, type);
  return lowering.input_view(id, std::move(shape), layout);
}

Status set_loops(params::BinaryParams& p, const std::vector<LoopAxis>& loops) {
  if (loops.size() > NBL_BINARY_AXES) {
    return Error{Code::unsupported_op, format("broadcasting alternates over %zu axes; kernels take at most %d",
                                              loops.size(), NBL_BINARY_AXES)};
  }
  for (size_t i = 0; i < loops.size(); ++i) {
    p.size[i] = static_cast<uint32_t>(loops[i].size);
    p.stride_x[i] = static_cast<uint32_t>(loops[i].strides[0]);
    p.stride_y[i] = static_cast<uint32_t>(loops[i].strides[1]);
  }
  return {};
}

}  // namespace

Status lower(const Binary& op, const Node& node, Lowering& lowering) {
  std::vector<int64_t> shape = lowering.shape_of(node.outputs[0]);
  const size_t rank = shape.size();
  const DType type = lowering.graph().desc(node.outputs[0]).type;
  const Layout layout = result_layout(node, lowering, rank);
  NBL_TRY(const Operand x, operand(lowering, node.inputs[0], rank, layout, type));
  NBL_TRY(const Operand y, operand(lowering, node.inputs[1], rank, layout, type));
  NBL_TRY(const Operand z, lowering.output(node.outputs[0], layout));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::binary, {ElementType::any, element_type(type), ElementType::any}));
  if (shape.empty()) shape.push_back(1);
  const auto lane = static_cast<size_t>(layout.axis);
  const std::vector<int64_t> strides_x = broadcast_strides(x.shape, layout.axis);
  const std::vector<int64_t> strides_y = broadcast_strides(y.shape, layout.axis);
  std::vector<LoopAxis> loops;
  for (size_t i = 0; i < shape.size(); ++i) {
    loops.push_back({i == lane ? z.units.blocks : shape[i], {strides_x[i], strides_y[i]}});
  }
  loops = collapse(loops);
  params::BinaryParams p{};
  set_units(p, z.units);
  NBL_CHECK(set_loops(p, loops));
  p.a = op.activation.a;
  p.b = op.activation.b;
  p.zero_x = x.desc->quant.zero_point;
  p.zero_y = y.desc->quant.zero_point;
  p.zero_z = z.desc->quant.zero_point;
  p.multiplier_x = op.multiplier_x;
  p.multiplier_y = op.multiplier_y;
  p.shift = op.shift;
  p.out_min = op.clamp.min;
  p.out_max = op.clamp.max;
  Step step = linear_step(kernel, z.units.units(), {reads(x.buffer), reads(y.buffer), writes(z.buffer)}, push_words(p),
                          {{NBL_SPEC_ACT, static_cast<uint32_t>(op.activation.kind)},
                           {NBL_SPEC_OWN, static_cast<uint32_t>(op.kind)},
                           {NBL_SPEC_OWN + 1, static_cast<uint32_t>(loops.size())},
                           {NBL_SPEC_OWN + 2, x.shape[lane] == 1 && shape[lane] != 1 ? 1u : 0u},
                           {NBL_SPEC_OWN + 3, y.shape[lane] == 1 && shape[lane] != 1 ? 1u : 0u},
                           {NBL_SPEC_OWN + 4, needs_mask(z.units)}});
  step.integer = type != DType::f32 && type != DType::f16;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

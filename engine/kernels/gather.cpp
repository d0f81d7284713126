#include "ops/gather.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

int64_t product(const std::vector<int64_t>& v, size_t begin, size_t end) {
  int64_t n = 1;
  for (size_t i = begin; i < end; ++i) n *= v[i];
  return n;
}

// Units are moved whole, so the blocked axis must be another than the one indexed: the one it is, else the longest.
int32_t blocked_axis(const std::vector<int64_t>& shape, int32_t axis, Layout has) {
  if (!has.flat() && has.axis != axis) return has.axis;
  int32_t best = axis == 0 ? 1 : 0;
  for (int32_t i = 0; i < static_cast<int32_t>(shape.size()); ++i) {
    if (i != axis && shape[static_cast<size_t>(i)] >= shape[static_cast<size_t>(best)]) best = i;
  }
  return best;
}

}  // namespace

Status lower(const Gather& op, const Node& node, Lowering& lowering) {
  std::vector<int64_t> shape = lowering.shape_of(node.inputs[0]);
  if (shape.size() == 1) shape.push_back(1);
  const auto axis = static_cast<size_t>(op.axis);
  const auto lane = static_cast<size_t>(blocked_axis(shape, op.axis, lowering.layout_of(node.inputs[0], Layout{})));
  const int64_t count = product(lowering.shape_of(node.inputs[1]), 0, lowering.shape_of(node.inputs[1]).size());
  NBL_TRY(const Operand x, lowering.input_view(node.inputs[0], shape, Layout{static_cast<int32_t>(lane)}));
  NBL_TRY(const Operand indices, lowering.input_view(node.inputs[1], {count}, Layout{0}));
  std::vector<int64_t> target = shape;
  target[axis] = count;
  const std::vector<int64_t> view{product(target, 0, lane), target[lane], product(target, lane + 1, target.size())};
  NBL_TRY(const Operand y, lowering.output_view(node.outputs[0], view, Layout{1}));
  const int64_t width = device_bytes(x.type);
  const ElementType type = width == 4 ? ElementType::f32 : (width == 2 ? ElementType::f16 : ElementType::i8);
  NBL_TRY(const int32_t kernel, lowering.select(Family::gather, {ElementType::any, type, ElementType::any}));
  std::vector<int64_t> units = shape;
  units[lane] = x.units.blocks;
  params::GatherParams p{};
  p.units = static_cast<uint32_t>(y.units.units());
  p.count = static_cast<uint32_t>(count);
  p.size = static_cast<uint32_t>(shape[axis]);
  p.after = static_cast<uint32_t>(product(units, axis + 1, units.size()));
  Step step = linear_step(kernel, p.units, {reads(x.buffer), reads(indices.buffer), writes(y.buffer)}, push_words(p));
  step.integer = width == 1;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

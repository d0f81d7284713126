#include "ops/matmul.h"

#include "core/text.h"
#include "core/try.h"
#include "kernels/copy_map.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

// a with its last two axes exchanged, blocked along the last.
Result<Operand> transposed(Lowering& lowering, TensorId id) {
  NBL_TRY(const Operand from, lowering.as_it_lies(id));
  std::vector<int64_t> shape = from.shape;
  const size_t rank = shape.size();
  std::swap(shape[rank - 1], shape[rank - 2]);
  NBL_TRY(const Operand to, lowering.scratch_tensor(*from.desc, shape, Layout{static_cast<int32_t>(rank) - 1}));
  std::vector<CopyAxis> axes = identity_axes(shape);
  std::swap(axes[rank - 1].source_axis, axes[rank - 2].source_axis);
  NBL_CHECK(emit_copy(lowering, from, to, axes));
  return to;
}

// Units from one matrix of a batch to the next, along each batch axis of the result; 0 where it is broadcast.
std::vector<int64_t> batch_strides(const Operand& operand, size_t batch_axes) {
  const size_t rank = operand.shape.size();
  std::vector<int64_t> strides(batch_axes, 0);
  int64_t stride = operand.shape[rank - 2] * operand.units.blocks;
  for (size_t i = 0; i + 2 < rank; ++i) {
    const int64_t size = operand.shape[rank - 3 - i];
    strides[batch_axes - 1 - i] = size == 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

}  // namespace

Status lower(const MatMul& op, const Node& node, Lowering& lowering) {
  const auto last_axis = [&](TensorId id) { return Layout{static_cast<int32_t>(lowering.shape_of(id).size()) - 1}; };
  NBL_TRY(const Operand a, op.transpose_a ? transposed(lowering, node.inputs[0])
                                          : lowering.input(node.inputs[0], last_axis(node.inputs[0])));
  NBL_TRY(const Operand b, lowering.input(node.inputs[1], last_axis(node.inputs[1])));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], last_axis(node.outputs[0])));
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::matmul, {ElementType::any, element_type(y.type), ElementType::any}));
  const size_t rank = y.shape.size();
  const std::vector<int64_t> strides_a = batch_strides(a, rank - 2);
  const std::vector<int64_t> strides_b = batch_strides(b, rank - 2);
  std::vector<LoopAxis> loops;
  int64_t batches = 1;
  for (size_t i = 0; i + 2 < rank; ++i) {
    loops.push_back({y.shape[i], {strides_a[i], strides_b[i]}});
    batches *= y.shape[i];
  }
  if (loops.empty()) loops.push_back({1, {0, 0}});
  loops = collapse(loops);
  if (loops.size() > NBL_MATMUL_AXES) {
    return Error{Code::unsupported_op,
                 format("batches alternate over %zu axes; the kernel takes at most %d", loops.size(), NBL_MATMUL_AXES)};
  }
  params::MatMulParams p{};
  p.rows = static_cast<uint32_t>(y.shape[rank - 2]);
  p.inner = static_cast<uint32_t>(a.shape[a.shape.size() - 1]);
  p.columns = static_cast<uint32_t>(y.shape[rank - 1]);
  p.row_blocks = (p.rows + 3) / 4;
  p.inner_blocks = static_cast<uint32_t>(a.units.blocks);
  p.column_blocks = static_cast<uint32_t>(y.units.blocks);
  p.tiles = static_cast<uint32_t>(batches) * p.row_blocks * p.column_blocks;
  for (size_t i = 0; i < loops.size(); ++i) {
    p.size[i] = static_cast<uint32_t>(loops[i].size);
    p.stride_a[i] = static_cast<uint32_t>(loops[i].strides[0]);
    p.stride_b[i] = static_cast<uint32_t>(loops[i].strides[1]);
  }
  Step step = linear_step(kernel, p.tiles, {reads(a.buffer), reads(b.buffer), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, op.transpose_b ? 1u : 0u},
                           {NBL_SPEC_OWN + 1, static_cast<uint32_t>(loops.size())},
                           {NBL_SPEC_OWN + 2, needs_mask(y.units)}});
  step.multiply_adds = static_cast<uint64_t>(batches) * p.rows * p.inner * p.columns;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

#include "ops/reduce.h"

#include <algorithm>
#include <cmath>

#include "core/requantize.h"
#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

// One dispatch: [before][count][after] units to [before][slices][after], or the blocked axis to one channel.
struct Pass {
  int64_t before = 1, count = 1, slices = 1, after = 1;
  bool lanes = false;
  int64_t channels = 1, blocks = 1, inner = 1;  // of what it writes; channels of what it reads when lanes are reduced
};

// Long runs with few outputs are split in two, so that enough invocations share them.
constexpr int64_t kLongRun = 512;
constexpr int64_t kFewOutputs = 2048;

int64_t product(const std::vector<int64_t>& v, size_t begin, size_t end) {
  int64_t n = 1;
  for (size_t i = begin; i < end; ++i) n *= v[i];
  return n;
}

void add_run(std::vector<Pass>& passes, std::vector<int64_t>& units, size_t begin, size_t end, size_t lane,
             int64_t channels) {
  Pass pass;
  pass.before = product(units, 0, begin);
  pass.count = product(units, begin, end);
  pass.after = product(units, end, units.size());
  for (size_t i = begin; i < end; ++i) units[i] = 1;
  pass.channels = channels;
  pass.blocks = units[lane];
  const int64_t inner = product(units, lane + 1, units.size());
  if (pass.count >= kLongRun && pass.before * pass.after < kFewOutputs) {
    Pass first = pass;
    first.slices = std::min<int64_t>(static_cast<int64_t>(std::sqrt(static_cast<double>(pass.count))), 256);
    first.inner = begin > lane ? inner * first.slices : inner;
    passes.push_back(first);
    pass.count = first.slices;
  }
  pass.inner = inner;
  passes.push_back(pass);
}

std::vector<Pass> plan_passes(const Reduce& op, const Operand& x) {
  std::vector<int64_t> units = x.shape;
  if (units.empty()) units.push_back(1);
  const auto lane = static_cast<size_t>(x.layout.axis);
  units[lane] = x.units.blocks;
  std::vector<bool> reduced(units.size(), false);
  for (int64_t axis : op.axes) reduced[static_cast<size_t>(axis)] = true;
  std::vector<Pass> passes;
  for (size_t i = 0; i < units.size(); ++i) {
    if (!reduced[i] || i == lane || units[i] == 1) continue;
    size_t end = i + 1;
    while (end < units.size() && end != lane && (reduced[end] || units[end] == 1)) ++end;
    add_run(passes, units, i, end, lane, x.units.channels);
    i = end - 1;
  }
  if (reduced[lane] && x.units.channels > 1) {
    Pass pass;
    pass.before = product(units, 0, lane);
    pass.count = units[lane];
    pass.after = product(units, lane + 1, units.size());
    pass.lanes = true;
    pass.channels = x.units.channels;
    passes.push_back(pass);
  }
  // Nothing to join, but each element may still need its function (and integers their new scale).
  if (passes.empty()) add_run(passes, units, 0, 0, lane, x.units.channels);
  return passes;
}

uint32_t combine_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::max: return 1;
    case ReduceKind::min: return 2;
    case ReduceKind::prod: return 3;
    case ReduceKind::log_sum_exp: return 4;
    default: return 0;
  }
}

uint32_t before_of(ReduceKind kind) {
  if (kind == ReduceKind::l1) return 1;
  return kind == ReduceKind::l2 || kind == ReduceKind::sum_square ? 2 : 0;
}

uint32_t after_of(ReduceKind kind, bool integer) {
  if (kind == ReduceKind::mean) return integer ? 3 : 1;
  return kind == ReduceKind::l2 ? 2 : 0;
}

int64_t reduced_count(const Reduce& op, const Operand& x) {
  int64_t count = 1;
  for (int64_t axis : op.axes) count *= x.shape[static_cast<size_t>(axis)];
  return count;
}

bool is_float(DType type) { return type == DType::f32 || type == DType::f16; }

// What partial results are kept in.
DType partial_type(const Reduce& op, DType type) {
  if (is_float(type)) return DType::f32;
  return op.kind == ReduceKind::mean ? DType::i32 : type;
}

Status emit_pass(Lowering& lowering, const Reduce& op, const Operand& x, const Operand& y, const Pass& pass,
                 BufferId from, DType from_type, BufferId to, DType to_type, bool first, bool last) {
  NBL_TRY(const int32_t kernel,
          lowering.select(Family::reduce, {ElementType::any, element_type(from_type), element_type(to_type)}));
  const bool integer = !is_float(x.type);
  const int64_t count = reduced_count(op, x);
  params::ReduceParams p{};
  p.units = static_cast<uint32_t>(pass.before * pass.slices * pass.after);
  p.count = static_cast<uint32_t>(pass.count);
  p.slices = static_cast<uint32_t>(pass.slices);
  p.after = static_cast<uint32_t>(pass.after);
  p.channels = static_cast<uint32_t>(pass.channels);
  p.blocks = static_cast<uint32_t>(pass.blocks);
  p.inner = static_cast<uint32_t>(pass.inner);
  p.factor = static_cast<float>(1.0 / static_cast<double>(count));
  if (integer && op.kind == ReduceKind::mean) {
    const FixedMultiplier factor = mean_multiplier(x.desc->quant.scale(), y.desc->quant.scale(), count);
    p.zero_in = first ? x.desc->quant.zero_point : 0;
    p.zero_out = y.desc->quant.zero_point;
    p.multiplier = factor.multiplier;
    p.shift = factor.shift;
    p.out_min = op.clamp.min;
    p.out_max = op.clamp.max;
  }
  const bool mask = op.kind == ReduceKind::log_sum_exp && !pass.lanes && pass.channels % 4 != 0;
  Step step = linear_step(kernel, p.units, {reads(from), writes(to)}, push_words(p),
                          {{NBL_SPEC_OWN, combine_of(op.kind)},
                           {NBL_SPEC_OWN + 1, first ? before_of(op.kind) : 0u},
                           {NBL_SPEC_OWN + 2, last ? after_of(op.kind, integer) : 0u},
                           {NBL_SPEC_OWN + 3, pass.lanes ? 1u : 0u},
                           {NBL_SPEC_OWN + 4, mask ? 1u : 0u}});
  step.integer = integer;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace

Status lower(const Reduce& op, const Node& node, Lowering& lowering) {
  const size_t rank = lowering.shape_of(node.inputs[0]).size();
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], lowering.layout_of(node.inputs[0], default_layout(rank))));
  std::vector<int64_t> kept = x.shape;
  for (int64_t axis : op.axes) kept[static_cast<size_t>(axis)] = 1;
  NBL_TRY(const Operand y, lowering.output_view(node.outputs[0], kept, x.layout));
  const std::vector<Pass> passes = plan_passes(op, x);
  BufferId from = x.buffer;
  DType from_type = x.type;
  for (size_t i = 0; i < passes.size(); ++i) {
    const bool last = i + 1 == passes.size();
    const DType to_type = last ? y.type : partial_type(op, x.type);
    BufferId to = y.buffer;
    if (!last) {
      const int64_t units = passes[i].before * passes[i].slices * passes[i].after;
      NBL_TRY(to, lowering.scratch(static_cast<uint64_t>(units * 4 * device_bytes(to_type))));
    }
    NBL_CHECK(emit_pass(lowering, op, x, y, passes[i], from, from_type, to, to_type, i == 0, last));
    from = to;
    from_type = to_type;
  }
  return {};
}

}  // namespace nibble

#include "ops/pool2d.h"

#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

// Multiplier and shift of a mean over 0, 1, ... taps.
Result<std::vector<uint32_t>> factor_table(const Pool2d& op, const Operand& x, const Operand& y) {
  constexpr int64_t kMostTaps = 1 << 20;  // 8 MiB of factors
  const int64_t taps = int64_t{op.kernel_h} * op.kernel_w;
  if (taps > kMostTaps) {
    return Error{Code::unsupported_op, format("integer average over %lld taps; the kernel takes at most %lld",
                                              static_cast<long long>(taps), static_cast<long long>(kMostTaps))};
  }
  std::vector<uint32_t> words{0, 1};
  for (int64_t count = 1; count <= taps; ++count) {
    const FixedMultiplier factor = mean_multiplier(x.desc->quant.scale(), y.desc->quant.scale(), count);
    words.push_back(static_cast<uint32_t>(factor.multiplier));
    words.push_back(static_cast<uint32_t>(factor.shift));
  }
  return words;
}

// Coordinates of a window, padding included, are 32-bit in the kernel.
Status check_reach(int64_t in, int64_t pad_begin, int64_t pad_end, int64_t kernel, int64_t dilation) {
  constexpr int64_t kMost = int64_t{1} << 29;
  const int64_t extent = (kernel - 1) * dilation + 1;
  for (int64_t reach : {in, pad_begin, pad_end, extent}) {
    if (reach > kMost) {
      return Error{Code::unsupported_op, format("a window reaches over %lld positions; the kernel takes at most %lld",
                                                static_cast<long long>(reach), static_cast<long long>(kMost))};
    }
  }
  return {};
}

params::PoolParams pool_params(const Pool2d& op, const Operand& x, const Operand& y) {
  params::PoolParams p{};
  p.units = static_cast<uint32_t>(y.units.units());
  p.in_h = static_cast<int32_t>(x.shape[2]);
  p.in_w = static_cast<int32_t>(x.shape[3]);
  p.out_h = static_cast<uint32_t>(y.shape[2]);
  p.out_w = static_cast<uint32_t>(y.shape[3]);
  p.kernel_h = op.kernel_h;
  p.kernel_w = op.kernel_w;
  p.stride_h = op.stride_h;
  p.stride_w = op.stride_w;
  // Without a second tap the dilation says nothing, and may be any number.
  p.dilation_h = op.kernel_h == 1 ? 1 : op.dilation_h;
  p.dilation_w = op.kernel_w == 1 ? 1 : op.dilation_w;
  p.pad_top = op.pad_top;
  p.pad_left = op.pad_left;
  p.pad_bottom = op.pad_bottom;
  p.pad_right = op.pad_right;
  p.zero_x = op.kind == PoolKind::average ? x.desc->quant.zero_point : 0;
  p.zero_y = y.desc->quant.zero_point;
  p.out_min = op.clamp.min;
  p.out_max = op.clamp.max;
  return p;
}

}  // namespace

Status lower(const Pool2d& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], Layout{1}));
  NBL_CHECK(check_reach(x.shape[2], op.pad_top, op.pad_bottom, op.kernel_h, op.dilation_h));
  NBL_CHECK(check_reach(x.shape[3], op.pad_left, op.pad_right, op.kernel_w, op.dilation_w));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], Layout{1}));
  const ElementType type = element_type(x.type);
  NBL_TRY(const int32_t kernel, lowering.select(Family::pool2d, {ElementType::any, type, ElementType::any}));
  const bool average = op.kind == PoolKind::average;
  const bool integer = type == ElementType::i8 || type == ElementType::u8;
  std::vector<Binding> bindings{reads(x.buffer)};
  if (integer) {
    std::vector<uint32_t> factors{0, 1};
    if (average) {
      NBL_TRY(factors, factor_table(op, x, y));
    }
    NBL_TRY(const BufferId table, lowering.table(std::move(factors)));
    bindings.push_back(reads(table));
  }
  bindings.push_back(writes(y.buffer));
  const params::PoolParams p = pool_params(op, x, y);
  Step step = linear_step(kernel, y.units.units(), std::move(bindings), push_words(p),
                          {{NBL_SPEC_OWN, average ? 1u : 0u},
                           {NBL_SPEC_OWN + 1, op.count_include_pad ? 1u : 0u},
                           {NBL_SPEC_OWN + 2, p.dilation_h > 1 || p.dilation_w > 1 ? 1u : 0u}});
  step.integer = integer;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

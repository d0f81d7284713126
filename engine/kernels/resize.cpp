#include "ops/resize.h"

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

void append_taps(std::vector<uint32_t>& words, const ResizeTaps& taps, bool integer) {
  for (size_t i = 0; i < taps.index.size(); ++i) {
    words.push_back(static_cast<uint32_t>(taps.index[i]));
    words.push_back(integer ? static_cast<uint32_t>(taps.integer_weight[i]) : float_bits(taps.weight[i]));
  }
}

}  // namespace

Status lower(const Resize& op, const Node& node, Lowering& lowering) {
  NBL_TRY(const Operand x, lowering.input(node.inputs[0], Layout{1}));
  NBL_TRY(const Operand y, lowering.output(node.outputs[0], Layout{1}));
  const ElementType type = element_type(x.type);
  const bool integer = type == ElementType::i8 || type == ElementType::u8;
  NBL_TRY(const int32_t kernel, lowering.select(Family::resize, {ElementType::any, type, ElementType::any}));
  const ResizeTaps columns = resize_taps(op, false, x.shape[3], y.shape[3]);
  const ResizeTaps rows = resize_taps(op, true, x.shape[2], y.shape[2]);
  std::vector<uint32_t> words;
  append_taps(words, columns, integer);
  append_taps(words, rows, integer);
  NBL_TRY(const BufferId table, lowering.table(std::move(words)));
  params::ResizeParams p{};
  p.units = static_cast<uint32_t>(y.units.units());
  p.in_h = static_cast<uint32_t>(x.shape[2]);
  p.in_w = static_cast<uint32_t>(x.shape[3]);
  p.out_h = static_cast<uint32_t>(y.shape[2]);
  p.out_w = static_cast<uint32_t>(y.shape[3]);
  p.zero = integer ? x.desc->quant.zero_point : 0;
  p.shift = 2 * kResizeWeightBits;
  p.out_min = type == ElementType::u8 ? 0 : -128;
  p.out_max = p.out_min + 255;
  Step step = linear_step(kernel, p.units, {reads(x.buffer), reads(table), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, static_cast<uint32_t>(rows.taps)}});
  step.integer = integer;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {

Status lower_shuffle(const ChannelShuffle& shuffle, Lowering& lowering) {
  constexpr Layout kImage{1};
  NBL_TRY(const Operand x0, lowering.input(shuffle.sources[0], kImage));
  NBL_TRY(const Operand x1, lowering.input(shuffle.sources[1], kImage));
  NBL_TRY(const Operand y, lowering.output(shuffle.output, kImage));
  if (y.units.units() == 0) return {};
  const int64_t width = device_bytes(y.type);
  const ElementType type = width == 4 ? ElementType::f32 : (width == 2 ? ElementType::f16 : ElementType::i8);
  NBL_TRY(const int32_t kernel, lowering.select(Family::shuffle, {ElementType::any, type, ElementType::any}));
  const int64_t first_unit = shuffle.first / 8;
  params::ShuffleParams p{};
  p.channels = static_cast<uint32_t>(y.units.channels);
  p.blocks = static_cast<uint32_t>(y.units.blocks);
  p.inner = static_cast<uint32_t>(y.units.inner);
  p.x0_blocks = static_cast<uint32_t>(x0.units.blocks);
  p.x1_blocks = static_cast<uint32_t>(x1.units.blocks);
  p.x0_first = static_cast<uint32_t>(first_unit + shuffle.begins[0] / 4);
  p.x1_first = static_cast<uint32_t>(first_unit + shuffle.begins[1] / 4);
  p.units = static_cast<uint32_t>(y.units.outer * ((y.units.blocks + 1) / 2) * y.units.inner);
  Step step = linear_step(kernel, p.units, {reads(x0.buffer), reads(x1.buffer), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, static_cast<uint32_t>(shuffle.first % 8)},
                           {NBL_SPEC_OWN + 1, static_cast<uint32_t>(shuffle.begins[0] % 4)},
                           {NBL_SPEC_OWN + 2, static_cast<uint32_t>(shuffle.begins[1] % 4)},
                           {NBL_SPEC_OWN + 3, width > 1 ? needs_mask(y.units) : 0u}});
  step.label = "shuffled";
  step.integer = width == 1;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {

Status lower_focus(const Focus& focus, Lowering& lowering) {
  constexpr Layout kImage{1};
  NBL_TRY(Operand x, lowering.as_it_lies(focus.source));
  if (!x.layout.flat() && x.layout != kImage) {
    NBL_TRY(x, lowering.input(focus.source, kImage));
  }
  NBL_TRY(const Operand y, lowering.output(focus.output, kImage));
  if (y.units.units() == 0) return {};
  const int64_t width = device_bytes(y.type);
  const ElementType type = width == 4 ? ElementType::f32 : (width == 2 ? ElementType::f16 : ElementType::i8);
  NBL_TRY(const int32_t kernel, lowering.select(Family::focus, {ElementType::any, type, ElementType::any}));
  const int64_t in_w = x.shape[3];
  const auto first = [&](size_t part) {
    const Focus::Pixel at = part < focus.firsts.size() ? focus.firsts[part] : Focus::Pixel{};
    return static_cast<uint32_t>(at.y * in_w + at.x);
  };
  params::FocusParams p{};
  p.inner = static_cast<uint32_t>(y.units.inner);
  p.units = static_cast<uint32_t>(y.units.outer * y.units.inner);
  p.out_w = static_cast<uint32_t>(y.shape[3]);
  p.plane = static_cast<uint32_t>(x.shape[2] * in_w);
  p.row_step = static_cast<uint32_t>(focus.step.y * in_w);
  p.step = static_cast<uint32_t>(focus.step.x);
  p.first0 = first(0), p.first1 = first(1), p.first2 = first(2), p.first3 = first(3);
  Step step = linear_step(kernel, p.units, {reads(x.buffer), writes(y.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, static_cast<uint32_t>(x.shape[1])},
                           {NBL_SPEC_OWN + 1, static_cast<uint32_t>(focus.firsts.size())},
                           {NBL_SPEC_OWN + 2, x.layout.flat() ? 1u : 0u}});
  step.label = "with what it slices";
  step.integer = width == 1;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

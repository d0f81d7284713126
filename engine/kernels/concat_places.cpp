// Parts of a Concat that their producers write straight into its output.
#include <algorithm>

#include "core/try.h"
#include "kernels/lowering.h"
#include "kernels/step_parts.h"
#include "ops/op.h"

namespace nibble {
namespace {

constexpr uint64_t kMostSkew = 255;  // units: a byte of ConvParams::skew

}  // namespace

const Operand* Lowering::begun_concat(NodeId concat) const {
  const auto found = concats_.find(concat);
  return found == concats_.end() ? nullptr : &found->second;
}

bool Lowering::part_lies_in(TensorId part, NodeId concat) const {
  return in_place_.contains(part) && fusion_.parts[static_cast<size_t>(part)].concat == concat;
}

// A part is one range of the whole where nothing lies before the axis, and where it begins with a block.
Result<std::optional<Operand>> Lowering::place_in_concat(TensorId tensor, Layout layout, bool may_skew) {
  const std::vector<int64_t> shape = shape_of(tensor);
  if (fusion_.parts.empty() || layout != default_layout(shape.size())) return std::optional<Operand>{};
  const ConcatPart& part = fusion_.parts[static_cast<size_t>(tensor)];
  if (part.concat < 0) return std::optional<Operand>{};
  const Node& concat = graph_.nodes[static_cast<size_t>(part.concat)];
  const int32_t axis = std::get<Concat>(concat.op->value).axis;
  int64_t before = 1, stride = 1;  // units
  for (int32_t i = 0; i < static_cast<int32_t>(shape.size()); ++i) {
    const int64_t size = i == layout.axis ? (shape[static_cast<size_t>(i)] + 3) / 4 : shape[static_cast<size_t>(i)];
    if (i < axis) before *= size;
    if (i > axis) stride *= size;
  }
  if (before != 1 || (axis == layout.axis && part.begin % 4 != 0)) return std::optional<Operand>{};
  const TensorDesc& desc = graph_.desc(tensor);
  // The next part's first values end up in the spare lanes of a part that does not end with a block. Kernels of floats
  // count on zeros there.
  const auto at = static_cast<size_t>(layout.axis);
  const bool spare_lanes = axis == layout.axis && shape[at] % 4 != 0;
  const bool last = part.begin + shape[at] == shape_of(concat.outputs[0])[at];
  if (spare_lanes && !last && !part.only_here && (desc.type == DType::f32 || desc.type == DType::f16)) {
    return std::optional<Operand>{};
  }
  const auto unit_bytes = static_cast<uint64_t>(4 * device_bytes(desc.type));
  const auto offset = static_cast<uint64_t>((axis == layout.axis ? part.begin / 4 : part.begin) * stride) * unit_bytes;
  const uint64_t skew = offset % std::max<uint64_t>(caps_.offset_alignment, 1);
  const bool skewed_well = may_skew && part.only_here && skew % unit_bytes == 0 && skew / unit_bytes <= kMostSkew;
  if (skew != 0 && !skewed_well) return std::optional<Operand>{};
  if (unit_shape(shape, layout).units() == 0) return std::optional<Operand>{};

  if (!concats_.contains(part.concat)) {
    const TensorId whole = concat.outputs[0];
    NBL_TRY(concats_[part.concat], output_view(whole, shape_of(whole), layout));
  }
  PlanBuffer buffer;
  buffer.part_of = concats_[part.concat].buffer;
  buffer.skew = skew;
  buffer.offset = offset - skew;
  buffer.bytes = static_cast<uint64_t>(storage_words(desc.type, shape, layout)) * 4 + skew;
  buffer.tensor = tensor;
  buffer.layout = layout;
  NBL_TRY(const BufferId id, add_buffer(std::move(buffer), "tensor '" + desc.name + "'"));
  const Operand operand{
      id, &desc, shape, layout, unit_shape(shape, layout), desc.type, static_cast<uint32_t>(skew / unit_bytes)};
  in_place_.insert(tensor);
  if (skew == 0) add_form(tensor, operand.units, id, std::nullopt);
  return std::optional<Operand>(operand);
}

}  // namespace nibble

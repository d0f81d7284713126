#include "kernels/copy_map.h"

#include <algorithm>
#include <limits>

#include "core/text.h"
#include "core/try.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

// Flags of the kernel's table: how to read outside, and whether the stride is that of blocks (and 1 inside them).
constexpr int32_t kFlagMode = 7;
constexpr int32_t kFlagBlocked = 8;
constexpr int32_t kReflectShort = 5;  // reflect and wrap by less than the source's size need no division
constexpr int32_t kWrapShort = 6;

int32_t mode_flag(const CopyAxis& axis, int64_t source_size) {
  const int64_t last = axis.start + axis.step * (axis.size - 1);
  const bool within = std::min(axis.start, last) > -source_size && std::max(axis.start, last) < 2 * source_size - 1;
  if (within && axis.outside == Outside::reflect) return kReflectShort;
  if (within && axis.outside == Outside::wrap) return kWrapShort;
  return static_cast<int32_t>(axis.outside);
}

constexpr size_t kMostLoops = 8;  // as copy.comp writes out

struct Loop {
  int64_t size = 1, start = 0, step = 1, source_size = 1, source_stride = 0, target_stride = 0;
  int32_t flags = 0;
  bool lane_axis = false;

  // Coordinates go straight into the index: start and step can be folded into base and stride.
  bool plain() const { return flags == 0 && !lane_axis; }
};

// Strides in elements; along the blocked axis those of a whole block.
std::vector<int64_t> element_strides(const Operand& operand) {
  std::vector<int64_t> strides(operand.shape.size(), 0);
  int64_t stride = operand.layout.flat() ? 1 : 4;
  for (size_t i = operand.shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= static_cast<int32_t>(i) == operand.layout.axis ? (operand.shape[i] + 3) / 4 : operand.shape[i];
  }
  return strides;
}

bool lanes_stay_together(const Operand& from, const Operand& to, const std::vector<CopyAxis>& axes) {
  if (from.layout.flat()) return false;
  const CopyAxis& lane = axes[static_cast<size_t>(to.layout.axis)];
  return lane.source_axis == from.layout.axis && lane.step == 1 && lane.start % 4 == 0 && lane.target_begin % 4 == 0 &&
         lane.outside == Outside::never;
}

struct Map {
  std::vector<Loop> loops;
  params::CopyParams push{};
  bool whole_units = false;
  uint32_t padded = 0;  // bit m: an axis has mode m
};

Loop make_loop(const Operand& from, const CopyAxis& axis, int64_t source_stride, int64_t target_stride, bool lane,
               bool whole_units) {
  Loop loop{axis.size, axis.start, axis.step, 1, source_stride, target_stride, 0, lane};
  if (axis.source_axis >= 0) {
    loop.source_size = from.shape[static_cast<size_t>(axis.source_axis)];
    loop.flags = mode_flag(axis, loop.source_size);
    if (axis.source_axis == from.layout.axis && !whole_units) loop.flags |= kFlagBlocked;
  } else {
    loop.source_stride = 0;
    loop.start = 0;
  }
  if (whole_units && lane) loop.start /= 4;
  if (lane) loop.size = (axis.target_begin % 4 + axis.size + 3) / 4;
  return loop;
}

// Joins loops that source and target step through evenly; folds what is constant into the bases.
std::vector<Loop> simplify(std::vector<Loop> loops, params::CopyParams& push) {
  std::vector<Loop> out;
  for (Loop& loop : loops) {
    if (loop.plain()) {
      push.source_base += static_cast<int32_t>(loop.start * loop.source_stride);
      loop.source_stride *= loop.step;
      loop.start = 0;
      loop.step = 1;
      if (loop.size == 1) continue;
      if (!out.empty() && out.back().plain() && out.back().source_stride == loop.source_stride * loop.size &&
          out.back().target_stride == loop.target_stride * loop.size) {
        const int64_t size = out.back().size * loop.size;
        out.back() = loop;
        out.back().size = size;
        continue;
      }
    } else if (loop.size == 1 && loop.flags == kFlagBlocked && !loop.lane_axis) {
      push.source_base += static_cast<int32_t>(loop.start / 4 * loop.source_stride + loop.start % 4);
      continue;
    }
    out.push_back(loop);
  }
  if (out.empty()) out.push_back({});
  return out;
}

Map make_map(const Operand& from, const Operand& to, const std::vector<CopyAxis>& axes) {
  Map map;
  map.whole_units = lanes_stay_together(from, to, axes);
  const std::vector<int64_t> source = element_strides(from);
  const std::vector<int64_t> target = element_strides(to);
  const CopyAxis& lane = axes[static_cast<size_t>(to.layout.axis)];
  map.push.lane_begin = static_cast<uint32_t>(lane.target_begin % 4);
  map.push.lane_count = static_cast<uint32_t>(lane.size);
  // Whole blocks need no masking, so that their axis is one like the others.
  const bool mask = !map.whole_units || lane.size % 4 != 0;
  if (!mask) map.push.lane_count = std::numeric_limits<int32_t>::max();
  int64_t units = 1;
  for (size_t i = 0; i < axes.size(); ++i) {
    const bool is_lane = static_cast<int32_t>(i) == to.layout.axis;
    int64_t stride = axes[i].source_axis < 0 ? 0 : source[static_cast<size_t>(axes[i].source_axis)];
    if (map.whole_units) stride /= 4;
    Loop loop = make_loop(from, axes[i], stride, target[i] / 4, is_lane, map.whole_units);
    loop.lane_axis = is_lane && mask;
    map.push.target_base +=
        static_cast<int32_t>((is_lane ? axes[i].target_begin / 4 : axes[i].target_begin) * target[i] / 4);
    if (axes[i].outside != Outside::never) map.padded |= 1u << (static_cast<uint32_t>(loop.flags & kFlagMode));
    units *= loop.size;
    map.loops.push_back(loop);
  }
  map.push.units = static_cast<uint32_t>(units);
  map.loops = simplify(std::move(map.loops), map.push);
  return map;
}

}  // namespace

std::vector<CopyAxis> identity_axes(std::span<const int64_t> shape) {
  std::vector<CopyAxis> axes(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) axes[i] = {shape[i], 0, static_cast<int32_t>(i), 0, 1, Outside::never};
  return axes;
}

Status emit_copy(Lowering& lowering, const Operand& from, const Operand& to, const std::vector<CopyAxis>& given,
                 uint32_t fill) {
  const int64_t width = device_bytes(to.desc->type);
  const ElementType type = width == 4 ? ElementType::f32 : (width == 2 ? ElementType::f16 : ElementType::i8);
  NBL_TRY(const int32_t kernel, lowering.select(Family::copy, {ElementType::any, type, ElementType::any}));
  Operand scalar_to = to;
  std::vector<CopyAxis> axes = given;
  if (axes.empty()) {
    axes.push_back({});
    scalar_to.shape = {1};
  }
  Map map = make_map(from, scalar_to, axes);
  if (map.loops.size() > kMostLoops) {
    return Error{Code::unsupported_op,
                 format("moves elements along %zu axes; the kernel takes at most %zu", map.loops.size(), kMostLoops)};
  }
  map.push.fill = fill;
  std::vector<uint32_t> words;
  int32_t lane_axis = -1;
  for (size_t i = 0; i < map.loops.size(); ++i) {
    const Loop& loop = map.loops[i];
    if (loop.lane_axis) lane_axis = static_cast<int32_t>(i);
    for (int64_t v : {loop.size, loop.start, loop.step, loop.source_size, loop.source_stride, loop.target_stride}) {
      words.push_back(static_cast<uint32_t>(static_cast<int32_t>(v)));
    }
    words.push_back(static_cast<uint32_t>(loop.flags));
  }
  NBL_TRY(const BufferId table, lowering.table(std::move(words)));
  const int64_t units = map.push.units;
  Step step = linear_step(kernel, units, {reads(from.buffer), reads(table), writes(to.buffer)}, push_words(map.push),
                          {{NBL_SPEC_OWN, static_cast<uint32_t>(map.loops.size())},
                           {NBL_SPEC_OWN + 1, static_cast<uint32_t>(lane_axis)},
                           {NBL_SPEC_OWN + 2, map.whole_units ? 1u : 0u},
                           {NBL_SPEC_OWN + 3, map.push.lane_begin != 0 ? 1u : 0u},
                           {NBL_SPEC_OWN + 4, map.padded}});
  step.integer = width == 1;
  lowering.emit(std::move(step));
  return {};
}

}  // namespace nibble

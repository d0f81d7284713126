#include "kernels/step.h"

#include <algorithm>
#include <array>

#include "kernels/step_parts.h"

namespace nibble {

UnitShape unit_shape(std::span<const int64_t> shape, int32_t axis) {
  UnitShape units;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto at = static_cast<int32_t>(i);
    if (at < axis) units.outer *= shape[i];
    if (at == axis) units.channels = shape[i];
    if (at > axis) units.inner *= shape[i];
  }
  units.blocks = (units.channels + 3) / 4;
  return units;
}

UnitShape unit_shape(std::span<const int64_t> shape, Layout layout) {
  if (!layout.flat()) return unit_shape(shape, layout.axis);
  int64_t elements = 1;
  for (int64_t d : shape) elements *= d;
  return {1, elements, (elements + 3) / 4, 1};
}

int64_t device_bytes(DType type) {
  switch (type) {
    case DType::f16: return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean: return 1;
    default: return 4;
  }
}

int64_t storage_words(DType type, std::span<const int64_t> shape, Layout layout) {
  const UnitShape units = unit_shape(shape, layout);
  // Flat tensors have no padding but to whole words.
  if (layout.flat()) return (units.channels * device_bytes(type) + 3) / 4;
  return units.units() * device_bytes(type);
}

ElementType element_type(DType type) {
  switch (type) {
    case DType::f32: return ElementType::f32;
    case DType::f16: return ElementType::f16;
    case DType::i8:
    case DType::boolean: return ElementType::i8;
    case DType::u8: return ElementType::u8;
    case DType::i4: return ElementType::i4;
    case DType::lut4: return ElementType::lut4;
    case DType::i32:
    case DType::i64: return ElementType::i32;
  }
  return ElementType::any;
}

Layout default_layout(size_t rank) {
  if (rank >= 4) return {1};
  return {std::max(static_cast<int32_t>(rank) - 1, 0)};
}

std::array<uint32_t, 3> linear_groups(int64_t invocations, uint32_t group) {
  constexpr int64_t kMaxGroups = 65535;
  const int64_t groups = std::max<int64_t>((invocations + group - 1) / group, 1);
  const int64_t rows = (groups + kMaxGroups - 1) / kMaxGroups;
  const int64_t columns = (groups + rows - 1) / rows;
  return {static_cast<uint32_t>(columns), static_cast<uint32_t>(rows), 1};
}

uint32_t float_bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, 4);
  return bits;
}

Step linear_step(int32_t kernel, int64_t invocations, std::vector<Binding> bindings, std::vector<uint32_t> push,
                 std::vector<SpecConstant> spec) {
  Step step;
  step.kernel = kernel;
  step.bindings = std::move(bindings);
  step.push = std::move(push);
  step.spec = {{0, kLinearGroup}, {1, 1}, {2, 1}};
  step.spec.insert(step.spec.end(), spec.begin(), spec.end());
  step.groups = linear_groups(invocations);
  return step;
}

std::vector<LoopAxis> collapse(const std::vector<LoopAxis>& axes) {
  std::vector<LoopAxis> joined;
  for (const LoopAxis& axis : axes) {
    if (axis.size == 1) continue;
    bool even = !joined.empty();
    for (size_t i = 0; even && i < axis.strides.size(); ++i) {
      even = joined.back().strides[i] == axis.strides[i] * axis.size;
    }
    if (even) {
      joined.back().size *= axis.size;
      joined.back().strides = axis.strides;
    } else {
      joined.push_back(axis);
    }
  }
  if (joined.empty()) joined.push_back({1, std::vector<int64_t>(axes.empty() ? 0 : axes[0].strides.size(), 0)});
  return joined;
}

std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, int32_t blocked_axis) {
  std::vector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    const int64_t size = static_cast<int32_t>(i) == blocked_axis ? (shape[i] + 3) / 4 : shape[i];
    strides[i] = shape[i] == 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

}  // namespace nibble

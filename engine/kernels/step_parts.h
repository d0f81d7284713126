// What every lower() builds its steps from.
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "kernels/lowering.h"

namespace nibble {

struct Convert;

// The kernel key's name of a tensor's element type on the device: i64 is i32 there, boolean i8.
ElementType element_type(DType type);

// Blocked on axis 1 for images and volumes (rank 4 and more), else on the last axis.
Layout default_layout(size_t rank);

// Workgroup size of kernels that do one unit per invocation.
inline constexpr uint32_t kLinearGroup = 64;

// Group counts for that many invocations, folded over x and y where x alone would pass 65,535 groups.
std::array<uint32_t, 3> linear_groups(int64_t invocations, uint32_t group = kLinearGroup);

// A push-constant struct as words.
template <class Params>
std::vector<uint32_t> push_words(const Params& params) {
  static_assert(std::is_trivially_copyable_v<Params> && sizeof(Params) % 4 == 0 && sizeof(Params) <= 128);
  std::vector<uint32_t> words(sizeof(Params) / 4);
  std::memcpy(words.data(), &params, sizeof(Params));
  return words;
}

uint32_t float_bits(float value);

// A step of `invocations` invocations in one dimension, with the local size set.
Step linear_step(int32_t kernel, int64_t invocations, std::vector<Binding> bindings, std::vector<uint32_t> push,
                 std::vector<SpecConstant> spec = {});

// 1 when the last block has lanes past the last channel, which float kernels must store as zero.
inline uint32_t needs_mask(const UnitShape& units) { return units.channels % 4 != 0 ? 1u : 0u; }

// Fills in the members units, channels, blocks and inner.
template <class Params>
void set_units(Params& params, const UnitShape& units) {
  params.units = static_cast<uint32_t>(units.units());
  params.channels = static_cast<uint32_t>(units.channels);
  params.blocks = static_cast<uint32_t>(units.blocks);
  params.inner = static_cast<uint32_t>(units.inner);
}

// A float tensor in the given view and layout as `type`: constants convert on the host, others through a step.
Result<Operand> float_input(Lowering& lowering, TensorId tensor, std::vector<int64_t> shape, Layout layout, DType type);

// Emits the step of a conversion between operands of equal layout (kernels/convert.cpp).
Status emit_convert(Lowering& lowering, const Operand& from, const Operand& to, const Convert& op);

inline Binding reads(BufferId buffer) { return {buffer, Access::read}; }
inline Binding writes(BufferId buffer) { return {buffer, Access::write}; }

// Axes of a loop over units, outermost first, with the stride of each operand along them.
struct LoopAxis {
  int64_t size = 1;
  std::vector<int64_t> strides;
};
// Drops axes of size 1 and joins neighbours that every operand steps through evenly; at least one axis is left.
std::vector<LoopAxis> collapse(const std::vector<LoopAxis>& axes);

// Unit strides of a blocked tensor of shape `shape` (same rank as the loop), 0 along axes of size 1.
std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, int32_t blocked_axis);

}  // namespace nibble

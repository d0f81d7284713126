#include "kernels/conv_constants.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <span>

#include "core/text.h"
#include "core/try.h"
#include "kernels/step_parts.h"

namespace nibble {
namespace {

Status check_constant(const Node& node, const Lowering& lowering, size_t slot, const char* what) {
  if (lowering.graph().tensor(node.inputs[slot]).is_constant()) return {};
  return Error{Code::unsupported_op,
               format("%s '%s' must be constant", what, lowering.graph().desc(node.inputs[slot]).name.c_str())};
}

// Results are clamped to bytes less a zero point: to at most this in magnitude.
constexpr uint32_t kLargestResult = 255;

// What no sum of an integer layer exceeds in magnitude before its bias, by the number of its products.
int64_t largest_products(const ConvProblem& c, const Node& node, const Graph& graph) {
  const bool four_bits = graph.desc(node.inputs[conv_input::weights]).type == DType::i4;
  const int64_t product = four_bits ? int64_t{8 * 128 * 255} : int64_t{128 * 128};
  return product * c.kernel_h * c.kernel_w * (c.in_channels / c.groups);
}

}  // namespace

Result<ConvConstants> add_constants(const Node& node, Lowering& lowering, bool integer, ElementType weights_type) {
  const Graph& graph = lowering.graph();
  constexpr const char* kSlots[] = {"x", "weights", "bias", "multiplier", "shift", "group multipliers or codebook"};
  using Form = BlobPiece::Form;
  ConvConstants constants;
  BlobSpec spec;
  std::vector<uint32_t*> offsets;
  uint32_t weights = 0;
  const auto add = [&](size_t slot, Form form, uint32_t& offset) -> Status {
    if (!has_input(node, slot)) return {};
    NBL_CHECK(check_constant(node, lowering, slot, kSlots[slot]));
    spec.pieces.push_back({node.inputs[slot], form, {}, {}, std::nullopt, {}, kNoTensor});
    offsets.push_back(&offset);
    return {};
  };
  const Form numbers = integer ? Form::i32 : Form::f32;
  const bool looked_up = graph.desc(node.inputs[conv_input::weights]).type == DType::lut4;
  const bool as_int8 = looked_up && weights_type == ElementType::i8;
  NBL_CHECK(add(conv_input::weights, as_int8 ? Form::looked_up : Form::stored,
                weights));  // first: kernels read them from word 0 on
  if (as_int8) {
    NBL_CHECK(check_constant(node, lowering, conv_input::codebook, "codebook"));
    spec.pieces[0].codebook = node.inputs[conv_input::codebook];
  }
  NBL_CHECK(add(conv_input::bias, numbers, constants.bias));
  NBL_CHECK(add(conv_input::multiplier, numbers, constants.scale));
  NBL_CHECK(add(conv_input::shift, Form::i32, constants.shift));
  if (!as_int8) NBL_CHECK(add(conv_input::group_multiplier, Form::stored, constants.group_multiplier));
  const size_t own = spec.pieces.size();
  if (lowering.finish()) {
    constants.finish = add_finish(graph, *lowering.finish(), table_form(lowering.caps()), spec);
  }
  NBL_TRY(constants.buffer, lowering.blob(spec));
  for (size_t i = 0; i < own; ++i) *offsets[i] = spec.offset_words[i];
  set_offsets(constants.finish, std::span(spec.offset_words).subspan(own));
  return constants;
}

ElementType weights_of_kernel(const Node& node, const Lowering& lowering, bool blocked_kernel) {
  const TensorDesc& weights = lowering.graph().desc(node.inputs[conv_input::weights]);
  if (weights.type != DType::lut4) return element_type(weights.type);
  // What pads a block names the first entry, which need not be zero.
  const bool whole_blocks = weights.shape[1].value() % 4 == 0;
  const bool on_cpu = lowering.caps().device_type == gpu::DeviceType::cpu;
  return blocked_kernel && whole_blocks && !on_cpu ? ElementType::lut4 : ElementType::i8;
}

// Most layers have such shifts only (factors below 1/4). With a multiplier of odd * 2^zeros, ties are the odd multiples
// of 2^(shift - 1 - zeros), and their results odd multiples of odd / 2: a multiplier of many bits has none that the
// clamp does not make the same either way. So a layer in a million is left, and no network pays for the longer kernel
// because of one channel.
bool requantizes_short(const ConvProblem& c, const Node& node, const Lowering& lowering) {
  if (!has_input(node, conv_input::shift) || !has_input(node, conv_input::multiplier)) return false;
  const Graph& graph = lowering.graph();
  const std::span<const uint8_t> shifts = graph.tensor(node.inputs[conv_input::shift]).constant->as<uint8_t>();
  const std::span<const int32_t> multipliers =
      graph.tensor(node.inputs[conv_input::multiplier]).constant->as<int32_t>();
  if (shifts.size() != multipliers.size()) return false;
  std::span<const int32_t> biases;
  if (has_input(node, conv_input::bias)) biases = graph.tensor(node.inputs[conv_input::bias]).constant->as<int32_t>();
  const int64_t products = largest_products(c, node, graph);
  for (size_t i = 0; i < shifts.size(); ++i) {
    if (shifts[i] <= 32) return false;
    const auto multiplier = static_cast<uint32_t>(multipliers[i]);
    if (multiplier == 0) continue;
    const int zeros = std::countr_zero(multiplier);
    const int64_t largest_sum = products + (i < biases.size() ? std::abs(int64_t{biases[i]}) : 0);
    const bool reached = static_cast<int>(std::bit_width(static_cast<uint64_t>(largest_sum))) > shifts[i] - 1 - zeros;
    if (reached && multiplier >> zeros <= 2 * kLargestResult + 1) return false;
  }
  return true;
}

}  // namespace nibble

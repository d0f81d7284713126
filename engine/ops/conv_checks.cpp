#include "ops/conv_checks.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

int64_t packed_reduction(const TensorDesc& weights) {
  const int64_t inputs = weights.shape[1].value();
  Dim steps = (inputs + 3) / 4 * 4;
  for (size_t i = 2; i < weights.shape.size(); ++i) steps *= weights.shape[i];
  return steps.value();
}

int64_t weight_groups(const TensorDesc& weights) {
  const int64_t size = weights.quant.group_size;
  return size < 1 ? 0 : (packed_reduction(weights) - 1) / size + 1;
}

namespace {

Status check_absent(Inputs inputs, size_t slot, const char* what) {
  if (inputs.has(slot)) return bad_node(format("%s: not used with these types of x and weights, but present", what));
  return {};
}

// Sums of a group are kept in fp32, which holds 8 * 128 * 16,384 exactly.
constexpr int32_t kMaxGroupSize = 16384;

Status check_slot(Inputs inputs, size_t slot, const char* what, DType type, const Shape& shape,
                  Packing packing = Packing::plain) {
  if (!inputs.has(slot)) return bad_node(format("%s: required with these types of x and weights, but absent", what));
  NBL_CHECK(check_type(inputs[slot], what, {type}));
  if (inputs[slot].packing != packing) return bad_node(format("%s: packed in another order than kernels read", what));
  return check_shape(inputs[slot], what, shape);
}

Status check_groups_of_int4(Inputs inputs) {
  const TensorDesc& weights = inputs[conv_input::weights];
  const Quant& quant = weights.quant;
  if (quant.kind != Quant::Kind::per_group) return bad_node("weights: int4 weights need a quantization per group");
  if (quant.group_size < 4 || quant.group_size % 4 != 0) {
    return bad_node(format("weights: expected a group size that is a multiple of 4, found %d", quant.group_size));
  }
  if (quant.group_size > kMaxGroupSize) {
    return bad_node(format("weights: expected a group size of at most %d, found %d", kMaxGroupSize, quant.group_size));
  }
  const bool blocked = weights.packing == Packing::blocked;
  return check_slot(inputs, conv_input::group_multiplier, "group multipliers", DType::u8,
                    {weights.shape[0], Dim(weight_groups(weights))},
                    blocked ? Packing::group_multipliers : Packing::plain);
}

Status check_weight_scales(const TensorDesc& weights) {
  const Quant& quant = weights.quant;
  if (quant.kind == Quant::Kind::none || quant.scales.empty()) return {};
  const auto channels = static_cast<size_t>(weights.shape[0].value());
  const bool whole = quant.kind == Quant::Kind::per_tensor && quant.scales.size() == 1;
  if (quant.zero_point != 0) return bad_node(format("weights: expected zero point 0, found %d", quant.zero_point));
  if (!whole && (quant.scales.size() != channels || quant.axis != 0)) {
    return bad_node(format("weights: expected %zu scales along axis 0, found %zu along axis %d", channels,
                           quant.scales.size(), quant.axis));
  }
  return {};
}

Status check_integer_slots(Inputs inputs, const Shape& channels) {
  NBL_CHECK(check_type(inputs[conv_input::weights], "weights of an integer node", {DType::i8, DType::i4, DType::lut4}));
  if (inputs.has(conv_input::bias)) NBL_CHECK(check_slot(inputs, conv_input::bias, "bias", DType::i32, channels));
  NBL_CHECK(check_slot(inputs, conv_input::multiplier, "multiplier", DType::i32, channels));
  return check_slot(inputs, conv_input::shift, "shift", DType::u8, channels);
}

Status check_float_slots(Inputs inputs, const Shape& channels) {
  const DType type = inputs[conv_input::weights].type;
  NBL_CHECK(
      check_type(inputs[conv_input::weights], "weights", {DType::f32, DType::f16, DType::i8, DType::i4, DType::lut4}));
  if (inputs.has(conv_input::bias)) NBL_CHECK(check_slot(inputs, conv_input::bias, "bias", DType::f32, channels));
  NBL_CHECK(check_absent(inputs, conv_input::shift, "shift"));
  if (is_float(type)) return check_absent(inputs, conv_input::multiplier, "multiplier");
  return check_slot(inputs, conv_input::multiplier, "weight scales", DType::f32, channels);
}

}  // namespace

Result<TensorDesc> infer_conv_output(Inputs inputs, Shape shape, const Activation& activation,
                                     const ClampRange& clamp) {
  const TensorDesc& x = inputs[conv_input::x];
  const TensorDesc& weights = inputs[conv_input::weights];
  const bool integer = x.type == DType::i8;
  const Shape channels{weights.shape[0]};
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16, DType::i8}));
  NBL_CHECK(check_activation(activation, integer));
  NBL_CHECK(integer ? check_integer_slots(inputs, channels) : check_float_slots(inputs, channels));
  if (weights.type == DType::i4) {
    NBL_CHECK(check_groups_of_int4(inputs));
  } else if (weights.type == DType::lut4) {
    NBL_CHECK(check_slot(inputs, conv_input::codebook, "codebook", DType::i8, {Dim(kCodebookEntries)}));
  } else {
    NBL_CHECK(check_absent(inputs, conv_input::group_multiplier, "group multipliers"));
  }
  if (!is_float(weights.type)) NBL_CHECK(check_weight_scales(weights));
  if (integer) {
    NBL_CHECK(check_clamp(clamp, DType::i8));
    return declared_quantized(inputs, x, std::move(shape));
  }
  TensorDesc y;
  y.type = x.type;
  y.shape = std::move(shape);
  return y;
}

Status check_conv_weights(Inputs inputs, int32_t groups) {
  NBL_CHECK(check_inputs(inputs, 2, 6));
  const TensorDesc& x = inputs[conv_input::x];
  const TensorDesc& weights = inputs[conv_input::weights];
  NBL_CHECK(check_rank(x, "x", 4, 4));
  NBL_CHECK(check_rank(weights, "weights", 4, 4));
  for (const Dim& dim : weights.shape) NBL_CHECK(check_known(dim, "weights"));
  NBL_CHECK(check_range("weights: elements", elements(weights.shape).value(), 1, kMaxDim));
  NBL_CHECK(check_known(x.shape[1], "channels of x"));
  NBL_CHECK(check_range("groups", groups, 1, kMaxDim));
  const int64_t channels = x.shape[1].value();
  const int64_t outputs = weights.shape[0].value();
  if (channels % groups != 0 || outputs % groups != 0) {
    return bad_node(format("groups: %d does not divide %lld input and %lld output channels", groups,
                           static_cast<long long>(channels), static_cast<long long>(outputs)));
  }
  if (weights.shape[1].value() != channels / groups) {
    return bad_node(format("weights: expected %lld input channels a group, found shape %s",
                           static_cast<long long>(channels / groups), to_string(weights.shape).c_str()));
  }
  return {};
}

}  // namespace nibble

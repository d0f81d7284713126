#include "ops/conv_axes.h"

#include "ops/conv2d.h"

namespace nibble {

void weight_axes(AxisMap& map, Inputs inputs, size_t channel_axis) {
  for (size_t slot = conv_input::weights; slot < inputs.size(); ++slot) {
    if (inputs.has(slot)) map.same(input_axis(slot, 0), output_axis(channel_axis));
  }
  const TensorDesc& weights = inputs[conv_input::weights];
  if (inputs[conv_input::x].type == DType::i8) map.freeze(output_axis(channel_axis), "already quantized");
  if (weights.packing != Packing::plain || weights.type == DType::i4) {
    map.freeze(output_axis(channel_axis), "its weights are packed");
  }
}

AxisMap convolution_axes(Inputs inputs, int32_t groups) {
  AxisMap map;
  const Shape& x = inputs[conv_input::x].shape;
  const Shape& w = inputs[conv_input::weights].shape;
  const AxisEnd in = input_axis(conv_input::x, 1), columns = input_axis(conv_input::weights, 1), out = output_axis(1);
  map.same(input_axis(conv_input::x, 0), output_axis(0));
  weight_axes(map, inputs, 1);
  if (!map.frozen.empty()) {
    map.freeze(in, map.frozen.front().reason);
    return map;
  }
  if (groups == 1) {
    map.links.push_back({.a = in, .b = columns, .summed = true});
    return map;
  }
  const int64_t inputs_a_group = w[1].value(), outputs_a_group = w[0].value() / groups;
  if (inputs_a_group == 1) {
    map.links.push_back({.a = in, .b = out, .count = x[1].value(), .run_b = outputs_a_group});
    return map;
  }
  for (int64_t g = 0; g < groups; ++g) {
    map.links.push_back(
        {.a = in, .b = columns, .count = inputs_a_group, .first_a = g * inputs_a_group, .first_b = 0, .summed = true});
    if (g > 0) map.range(out, g * outputs_a_group, out, 0, outputs_a_group);
  }
  return map;
}

}  // namespace nibble

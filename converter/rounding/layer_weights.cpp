#include "converter/rounding/layer_weights.h"

#include "converter/quantize/formats.h"
#include "ops/op.h"

namespace nibble::rounding {

LayerWeights unrounded_layer(const Graph& graph, const Node& node) {
  const Tensor& tensor = graph.tensor(node.inputs[conv_input::weights]);
  const Shape& shape = tensor.desc.shape;
  LayerWeights out;
  out.outputs = shape[0].value();
  out.inputs = shape[1].value();
  out.kernel = shape.size() == 4 ? shape[2].value() * shape[3].value() : 1;
  out.groups = quantization::groups_of(node);
  out.weights = tensor.constant->as<float>();
  out.bias.assign(static_cast<size_t>(out.outputs), 0.0f);
  if (node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor) {
    const auto bias = graph.tensor(node.inputs[conv_input::bias]).constant->as<float>();
    out.bias.assign(bias.begin(), bias.end());
  }
  return out;
}

std::optional<LayerWeights> layer_weights(const Graph& graph, const Node& node, const quantization::Options& options) {
  if (!quantization::has_weights(node)) return std::nullopt;
  const Tensor& tensor = graph.tensor(node.inputs[conv_input::weights]);
  if (!tensor.is_constant() || tensor.desc.type != DType::f32) return std::nullopt;
  if (tensor.desc.quant.kind != Quant::Kind::none) return std::nullopt;  // integers already: to nearest is exact
  if (graph.desc(node.inputs[conv_input::x]).type != DType::f32) return std::nullopt;
  const quantization::Choice choice = quantization::choose_format(graph, node, options);
  const bool int4 = choice.format == quantization::WeightFormat::int4;
  if (!int4 && choice.format != quantization::WeightFormat::int8) return std::nullopt;
  LayerWeights out = unrounded_layer(graph, node);
  out.group_size = int4 ? choice.group_size : 0;
  return out;
}

void set_weights(Graph& graph, Node& node, const quantization::RoundedLayer& layer) {
  TensorDesc desc = graph.desc(node.inputs[conv_input::weights]);
  desc.quant = {};
  node.inputs[conv_input::weights] =
      graph.add_constant(desc, ConstantData::of(quantization::dequantize(layer.weights)));
  if (layer.bias.empty()) return;
  if (node.inputs.size() <= conv_input::bias) node.inputs.resize(conv_input::bias + 1, kNoTensor);
  node.inputs[conv_input::bias] = quantization::add_f32(graph, {layer.weights.outputs}, layer.bias);
}

}  // namespace nibble::rounding

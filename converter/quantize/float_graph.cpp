// Weights rounded, activations in fp32 or fp16.
#include "converter/quantize/float_graph.h"

#include <algorithm>

#include "converter/quantize/formats.h"
#include "core/try.h"

namespace nibble::quantization {

Result<Decision> narrow_weights(Graph& graph, Node& node, const Choice& choice, const Options& options) {
  Decision decision{node.name,
                    op_name(node),
                    choice.format,
                    choice.format == WeightFormat::int4 ? choice.group_size : 0,
                    ActivationFormat::real,
                    choice.reason};
  const TensorId id = node.inputs[conv_input::weights];
  const TensorDesc desc = graph.desc(id);
  if (choice.format == WeightFormat::fp32) return decision;
  if (choice.format == WeightFormat::fp16) {
    node.inputs[conv_input::weights] = add_f16(graph, desc.shape, graph.tensor(id).constant->as<float>());
    return decision;
  }
  NBL_TRY(const QuantizedWeights weights, round_weights(graph, node, choice, options));
  const WeightConstants constants = add_weight_constants(graph, weights, desc.shape);
  node.inputs.resize(
      constants.group_multipliers == kNoTensor ? conv_input::multiplier + 1 : conv_input::group_multiplier + 1,
      kNoTensor);
  node.inputs[conv_input::weights] = constants.weights;
  node.inputs[conv_input::multiplier] = add_f32(graph, {weights.outputs}, weights.scales);
  if (constants.group_multipliers != kNoTensor) node.inputs[conv_input::group_multiplier] = constants.group_multipliers;
  if (const RoundedLayer* rounded = rounded_elsewhere(graph, node, options); rounded && !rounded->bias.empty()) {
    NBL_TRY(const std::vector<float> bias, bias_of(graph, node, options));
    node.inputs[conv_input::bias] = add_f32(graph, {weights.outputs}, bias);
  }
  return decision;
}

namespace {

// Every f32 activation becomes f16: converted at the inputs and back at the outputs.
Status narrow_activations(Graph& graph) {
  std::vector<Node> nodes;
  std::map<TensorId, TensorId> renamed;
  std::map<TensorId, TensorId> constants;
  for (TensorId id : graph.inputs) {
    if (graph.desc(id).type != DType::f32) continue;
    TensorDesc half = graph.desc(id);
    half.type = DType::f16;
    half.name += ":f16";
    const TensorId to = graph.add_tensor(half);
    nodes.push_back({half.name, std::make_shared<const Op>(Convert{}), {id}, {to}});
    renamed[id] = to;
  }
  for (Node& node : graph.nodes) {
    const bool converts = op_if<Convert>(node) != nullptr;
    for (TensorId& id : node.inputs) {
      if (id == kNoTensor) continue;
      if (const auto found = renamed.find(id); found != renamed.end()) id = found->second;
      // Data that nodes read share the type; weights, bias and the like keep theirs.
      const bool operand = !has_weights(node) && !op_if<InstanceNorm>(node) && !op_if<LayerNorm>(node);
      if (!operand || !graph.tensor(id).is_constant() || graph.desc(id).type != DType::f32) continue;
      const auto [at, fresh] = constants.emplace(id, kNoTensor);
      if (fresh) at->second = add_f16(graph, graph.desc(id).shape, graph.tensor(id).constant->as<float>());
      id = at->second;
    }
    for (TensorId id : node.outputs) {
      if (graph.desc(id).type == DType::f32) graph.desc(id).type = DType::f16;
      if (converts && graph.desc(node.inputs[0]).type == DType::i64) graph.desc(id).type = DType::f16;
    }
    nodes.push_back(std::move(node));
  }
  for (TensorId& id : graph.outputs) {
    if (graph.desc(id).type != DType::f16) continue;
    TensorDesc full = graph.desc(id);
    full.type = DType::f32;
    graph.desc(id).name += ":f16";
    const TensorId to = graph.add_tensor(full);
    nodes.push_back({full.name, std::make_shared<const Op>(Convert{}), {id}, {to}});
    id = to;
  }
  graph.nodes = std::move(nodes);
  return reinfer(graph);
}

// uint8 pixels at the first input: converted and scaled before anything else.
Status take_bytes(Graph& graph, const BytePixels& pixels) {
  const TensorId input = graph.inputs.at(0);
  TensorDesc bytes = graph.desc(input);
  bytes.type = DType::u8;
  std::vector<Node> rest = std::move(graph.nodes);
  graph.nodes.clear();
  const TensorId in = graph.add_tensor(bytes);
  graph.inputs[0] = in;
  TensorDesc real;
  real.type = DType::f32;
  NBL_CHECK(graph.add_node(bytes.name + ":f32", Convert{}, {in}, {real}));
  const Shape per_channel = pixels.factor.size() == 1 ? Shape{1} : [&] {
    Shape shape{static_cast<int64_t>(pixels.factor.size())};
    while (shape.size() + 1 < bytes.shape.size()) shape.push_back(1);
    return shape;
  }();
  const TensorId factor = add_f32(graph, per_channel, pixels.factor),
                 offset = add_f32(graph, per_channel, pixels.offset);
  NBL_CHECK(
      graph.add_node(bytes.name + ":scaled", Binary{.kind = BinaryKind::mul}, {graph.nodes.back().outputs[0], factor}));
  NBL_CHECK(graph.add_node(bytes.name + ":normalized", Binary{.kind = BinaryKind::add},
                           {graph.nodes.back().outputs[0], offset}));
  const TensorId normalized = graph.nodes.back().outputs[0];
  for (Node& node : rest) {
    std::replace(node.inputs.begin(), node.inputs.end(), input, normalized);
    graph.nodes.push_back(std::move(node));
  }
  return reinfer(graph);
}

}  // namespace

Result<Quantized> quantize_float(const Graph& graph, const Options& options) {
  Quantized out{graph, {}};
  if (options.byte_output) {
    return Error{Code::invalid_argument, "uint8 outputs need int8 activations"};
  }
  if (options.byte_input) NBL_CHECK(take_bytes(out.graph, *options.byte_input));
  for (Node& node : out.graph.nodes) {
    if (!has_weights(node)) continue;
    NBL_TRY(Decision decision, narrow_weights(out.graph, node, choose_format(out.graph, node, options), options));
    out.decisions.push_back(std::move(decision));
    out.decisions.back().activations = options.activations;
  }
  if (options.activations == ActivationFormat::fp16) NBL_CHECK(narrow_activations(out.graph));
  remove_dead(out.graph);
  NBL_CHECK(reinfer(out.graph));
  return out;
}

}  // namespace nibble::quantization

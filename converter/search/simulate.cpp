#include "converter/search/simulate.h"

#include "converter/quantize/integer_plan.h"
#include "core/half.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::search {
namespace {

using quantization::ActivationFormat;
using quantization::WeightFormat;

Status round_layer(Graph& graph, Node& node, const quantization::Options& options) {
  const TensorId id = node.inputs[conv_input::weights];
  const TensorDesc desc = graph.desc(id);
  if (desc.type != DType::f32) return {};
  const quantization::Choice choice = quantization::choose_format(graph, node, options);
  std::vector<float> values;
  switch (choice.format) {
    case WeightFormat::fp32: return {};
    case WeightFormat::fp16:
      for (float v : graph.tensor(id).constant->as<float>()) values.push_back(float_from_half(half_from_float(v)));
      break;
    default: {
      NBL_TRY(const quantization::QuantizedWeights weights, quantization::round_weights(graph, node, choice, options));
      values = quantization::dequantize(weights);
    }
  }
  if (const auto found = options.rounded.find(node.name);
      found != options.rounded.end() && !found->second.bias.empty()) {
    NBL_TRY(const std::vector<float> bias, quantization::bias_of(graph, node, options));
    if (node.inputs.size() <= conv_input::bias) node.inputs.resize(conv_input::bias + 1, kNoTensor);
    node.inputs[conv_input::bias] = quantization::add_f32(graph, {static_cast<int64_t>(bias.size())}, bias);
  }
  node.inputs[conv_input::weights] = quantization::add_f32(graph, desc.shape, values);
  return {};
}

// Puts Convert to int8 and back behind tensors; readers that `redirects` picks read the result.
class ActivationRounding {
 public:
  ActivationRounding(Graph& graph, const quantization::IntegerPlan& plan) : graph_(graph), plan_(plan) {}

  Status run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (size_t n = 0; n < nodes.size(); ++n) {
      Node& node = nodes[n];
      for (TensorId& id : node.inputs) {
        if (id == kNoTensor) continue;
        if (plan_.integer[n] && !op_if<Convert>(node)) NBL_CHECK(round(id));
        if (const auto found = made_.find(id); found != made_.end()) id = found->second;
        // A float reader of what only integer nodes see rounded keeps the exact values.
        if (const auto found = rounded_.find(id); plan_.integer[n] && found != rounded_.end()) id = found->second;
      }
      graph_.nodes.push_back(node);
      if (!plan_.integer[n] || op_if<Convert>(node)) continue;
      const TensorId out = node.outputs[0];
      NBL_CHECK(round(out));
      if (const auto found = rounded_.find(out); found != rounded_.end()) made_[out] = found->second;
    }
    for (TensorId& id : graph_.outputs) {
      if (const auto found = made_.find(id); found != made_.end()) id = found->second;
    }
    return {};
  }

 private:
  Status round(TensorId id) {
    const auto& quant = plan_.quant.at(static_cast<size_t>(id) < plan_.quant.size() ? static_cast<size_t>(id) : 0);
    if (static_cast<size_t>(id) >= plan_.quant.size() || !quant || rounded_.contains(id)) return {};
    if (graph_.tensor(id).is_constant() || graph_.desc(id).type != DType::f32) return {};
    TensorDesc integer, real;
    integer.type = DType::i8;
    integer.quant = Quant::tensor(quant->scale, quant->zero_point);
    real.type = DType::f32;
    const std::string name = graph_.desc(id).name;
    NBL_TRY(const NodeId down,
            graph_.add_node(name + ":i8", Convert{.clamp = {quant->min, quant->max}}, {id}, {integer}));
    const TensorId stored = graph_.nodes[static_cast<size_t>(down)].outputs[0];
    NBL_TRY(const NodeId up, graph_.add_node(name + ":rounded", Convert{}, {stored}, {real}));
    rounded_[id] = graph_.nodes[static_cast<size_t>(up)].outputs[0];
    return {};
  }

  Graph& graph_;
  const quantization::IntegerPlan& plan_;
  std::map<TensorId, TensorId> rounded_;  // what integer nodes read
  std::map<TensorId, TensorId> made_;     // of these, what an integer node made: everybody reads them rounded
};

}  // namespace

Result<Graph> simulate(const Graph& graph, const quantization::Ranges& ranges, const quantization::Options& options) {
  Graph out = graph;
  const bool integers = options.activations == ActivationFormat::int8;
  quantization::IntegerPlan plan;
  if (integers) plan = quantization::plan_integers(graph, ranges, options);
  for (Node& node : out.nodes) {
    if (quantization::has_weights(node)) NBL_CHECK(round_layer(out, node, options));
  }
  if (integers) NBL_CHECK(ActivationRounding(out, plan).run());
  remove_dead(out);
  NBL_CHECK(reinfer(out));
  return out;
}

}  // namespace nibble::search

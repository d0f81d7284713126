#include "converter/compress/layer_sensitivity.h"

#include <algorithm>

#include "converter/data/network_inputs.h"
#include "converter/export/export.h"
#include "converter/quantize/formats.h"
#include "converter/report/error_sums.h"
#include "core/try.h"
#include "graph/cost.h"
#include "media/progress.h"
#include "ops/op.h"

namespace nibble::compress {
namespace {

constexpr double kMostWork = 2.5e11;  // multiply-adds: half a minute on two cores
constexpr size_t kMostSamples = 4;

const Node* node_named(const Graph& graph, const std::string& name) {
  const auto it = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.name == name; });
  return it == graph.nodes.end() ? nullptr : &*it;
}

// `graph` with node n as `stored` has it: weights, and the scale of its output.
Result<Graph> with_one_layer(const Graph& graph, size_t n, const Graph& stored, const Node& as) {
  Graph out = graph;
  NBL_TRY(const std::vector<float> weights, onnx_export::real_weights(stored, as));
  Node& node = out.nodes[n];
  const Tensor& before = graph.tensor(node.inputs[conv_input::weights]);
  if (before.constant->bytes.size() != weights.size() * sizeof(float))
    return Error{Code::internal, "the weights of '" + node.name + "' changed their number"};
  TensorDesc desc = before.desc;
  desc.quant = {};
  node.inputs[conv_input::weights] = out.add_constant(desc, ConstantData::of(weights));
  const TensorDesc& made = stored.desc(as.outputs[0]);
  if (made.type != DType::i8) return out;
  // Rounded on the way to its readers: to integers and back.
  const TensorId y = node.outputs[0];
  TensorDesc integer = graph.desc(y), real = graph.desc(y);
  integer.name += ":rounded";
  integer.type = DType::i8;
  integer.quant = made.quant;
  real.name += ":real";
  const TensorId stored_id = out.add_tensor(integer), real_id = out.add_tensor(real);
  for (size_t i = n + 1; i < out.nodes.size(); ++i)
    std::replace(out.nodes[i].inputs.begin(), out.nodes[i].inputs.end(), y, real_id);
  std::replace(out.outputs.begin(), out.outputs.end(), y, real_id);
  const std::string name = out.nodes[n].name;
  const auto at = out.nodes.begin() + static_cast<std::ptrdiff_t>(n) + 1;
  out.nodes.insert(at, {Node{name + ":rounded", std::make_shared<const Op>(Convert{}), {y}, {stored_id}},
                        Node{name + ":real", std::make_shared<const Op>(Convert{}), {stored_id}, {real_id}}});
  return out;
}

}  // namespace

Result<Sensitivity> layer_sensitivity(const Compression& c) {
  Sensitivity out;
  const auto& samples = c.held_out && c.held_out->size() > 0 ? c.held_out : c.samples;
  if (!samples) return out;
  struct Layer {
    size_t node;
    const Node* stored;
  };
  std::vector<Layer> layers;
  double macs = 1.0;
  for (size_t n = 0; n < c.real.nodes.size(); ++n) {
    const Node& node = c.real.nodes[n];
    macs += static_cast<double>(multiply_adds(c.real, node));
    if (!quantization::has_weights(node) || c.real.desc(node.inputs[conv_input::weights]).type != DType::f32) continue;
    if (const Node* stored = node_named(c.graph, node.name); stored && quantization::has_weights(*stored))
      layers.push_back({n, stored});
  }
  if (layers.empty()) return out;
  const auto affordable = static_cast<size_t>(kMostWork / (macs * static_cast<double>(layers.size() + 1)));
  out.samples = std::min({kMostSamples, affordable, samples->size()});
  if (out.samples == 0) return out;

  NBL_TRY(const DimBindings dims, dims_of_sample(c.real, samples->set, 0, c.preprocessing));
  NBL_TRY(const Graph bound, bind_dims(c.real, dims));
  NBL_TRY(const std::unique_ptr<Executor> untouched, make_cpu_executor(bound));
  std::vector<std::vector<reference::FloatValue>> inputs, expected;
  for (size_t k = 0; k < out.samples; ++k) {
    const size_t i = k * samples->size() / out.samples;
    NBL_TRY(const DimBindings own, dims_of_sample(c.real, samples->set, i, c.preprocessing));
    if (own != dims) continue;  // pictures of another size: one size is enough here
    NBL_TRY(std::vector<reference::FloatValue> values, sample_inputs(bound, samples->set, i, c.preprocessing));
    NBL_TRY(std::vector<reference::FloatValue> outputs, untouched->run(values, {}));
    inputs.push_back(std::move(values));
    expected.push_back(std::move(outputs));
  }
  out.samples = inputs.size();
  media::Progress progress("each layer alone", layers.size());
  for (const Layer& layer : layers) {
    NBL_TRY(Graph changed, with_one_layer(bound, layer.node, c.graph, *layer.stored));
    NBL_TRY(const std::unique_ptr<Executor> executor, make_cpu_executor(std::move(changed)));
    report::ErrorSums sums;
    for (size_t k = 0; k < inputs.size(); ++k) {
      NBL_TRY(const std::vector<reference::FloatValue> found, executor->run(inputs[k], {}));
      for (size_t o = 0; o < found.size(); ++o) sums.add(expected[k][o].real, found[o].real);
    }
    if (const auto ratio = sums.noise_ratio()) out.noise[bound.nodes[layer.node].name] = *ratio;
    progress.advance();
  }
  progress.finish();
  return out;
}

}  // namespace nibble::compress

#include "converter/equalize/apply_factors.h"

#include <algorithm>

#include "converter/quantize/equal_weights.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::equalize {
namespace {

class Applier {
 public:
  Applier(Graph& graph, const ChannelClasses& classes, std::span<const float> factors, const ChannelRanges& ranges)
      : graph_(graph),
        classes_(classes),
        factors_(factors),
        ranges_(ranges),
        shared_(quantization::shared_weights(graph)) {}

  Status run() {
    const std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (const Node& node : nodes) {
      for (const TensorId id : node.inputs) ++reads_[id];
    }
    for (const Node& node : nodes) {
      Node copy = node;
      for (TensorId& id : copy.inputs) {
        if (const auto found = scaled_.find(id); found != scaled_.end()) id = found->second;
      }
      if (takes_input_factors(graph_, node) && !op_if<InstanceNorm>(node)) scale_columns(copy, of(node.inputs[0]));
      if (takes_output_factors(graph_, node)) {
        scale_outputs(copy, inverse(of(node.outputs[0])));
        graph_.nodes.push_back(std::move(copy));
      } else if (is_function(graph_, node) && scales(of(node.outputs[0]))) {
        scale_function(std::move(copy), of(node.outputs[0]));
        continue;
      } else {
        graph_.nodes.push_back(std::move(copy));
      }
      rename(node.outputs[0], of(node.outputs[0]));
    }
    NBL_CHECK(reinfer(graph_));
    return verify(graph_);
  }

 private:
  using Factors = std::vector<float>;

  // By channel; empty: none.
  Factors of(TensorId id) const {
    Factors out;
    for (int32_t c : classes_.of_tensor[static_cast<size_t>(id)]) out.push_back(factors_[static_cast<size_t>(c)]);
    return out;
  }

  static bool scales(const Factors& factors) {
    return std::any_of(factors.begin(), factors.end(), [](float f) { return f != 1.0f; });
  }

  static Factors inverse(const Factors& factors) {
    Factors out;
    for (float f : factors) out.push_back(1.0f / f);
    return out;
  }

  void rename(TensorId id, const Factors& factors) {
    if (scales(factors)) graph_.desc(id).name += ":equalized";
  }

  TensorId constant(const Shape& shape, const std::vector<float>& values) {
    TensorDesc desc;
    desc.shape = shape;
    return graph_.add_constant(desc, ConstantData::of(values));
  }

  std::vector<float> values_of(TensorId id) const {
    const auto values = graph_.tensor(id).constant->as<float>();
    return {values.begin(), values.end()};
  }

  // Weights [O, I, ...] times the factor of the input channel they multiply.
  void scale_columns(Node& node, const Factors& factors) {
    if (!scales(factors)) return;
    const TensorId id = node.inputs[conv_input::weights];
    const Shape shape = graph_.desc(id).shape;
    std::vector<float> w = values_of(id);
    const auto outputs = static_cast<size_t>(shape[0].value()), inputs = static_cast<size_t>(shape[1].value());
    const size_t groups = factors.size() / inputs, kernel = w.size() / (outputs * inputs);
    for (size_t i = 0; i < w.size(); ++i) {
      const size_t o = i / (inputs * kernel), in = i / kernel % inputs;
      w[i] *= factors[o / (outputs / groups) * inputs + in];
    }
    node.inputs[conv_input::weights] = constant(shape, w);
  }

  // What makes a channel, times a factor: rows of weights and biases, or scale and bias of a normalization.
  void scale_outputs(Node& node, const Factors& factors) {
    if (!scales(factors)) return;
    const bool norm = op_if<InstanceNorm>(node) != nullptr;
    const size_t rows = norm ? 1 : conv_input::weights, bias = norm ? 2 : conv_input::bias;
    if (norm && (node.inputs.size() <= rows || node.inputs[rows] == kNoTensor)) {
      node.inputs.resize(std::max(node.inputs.size(), rows + 1), kNoTensor);
      node.inputs[rows] = constant({static_cast<int64_t>(factors.size())}, Factors(factors.size(), 1.0f));
    }
    for (const size_t slot : {rows, bias}) {
      if (slot >= node.inputs.size() || node.inputs[slot] == kNoTensor) continue;
      std::vector<float> values = values_of(node.inputs[slot]);
      const size_t row = values.size() / factors.size();
      for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i / row];
      node.inputs[slot] = constant(graph_.desc(node.inputs[slot]).shape, values);
    }
  }

  // x times constants per channel, written to a tensor of its own.
  TensorId multiply(const std::string& name, TensorId x, const Factors& factors) {
    Shape shape{static_cast<int64_t>(factors.size())};
    while (shape.size() + 1 < graph_.desc(x).shape.size()) shape.push_back(1);
    const TensorId by = constant(shape, factors);
    TensorDesc desc = graph_.desc(x);
    desc.name = name;
    const TensorId y = graph_.add_tensor(std::move(desc));
    graph_.nodes.push_back({name, std::make_shared<const Op>(Binary{.kind = BinaryKind::mul}), {x, by}, {y}});
    return y;
  }

  // The maker of what a function reads scales each channel to the tensor's size.
  TensorId even_out(TensorId x) {
    const std::vector<ChannelRange>& ranges = ranges_.of(x);
    Node* maker = graph_.nodes.empty() ? nullptr : &graph_.nodes.back();
    const bool alone =
        reads_[x] == 1 && std::find(graph_.outputs.begin(), graph_.outputs.end(), x) == graph_.outputs.end();
    if (!maker || maker->outputs[0] != x || !alone || !takes_output_factors(graph_, *maker)) return x;
    if (maker->inputs.size() > conv_input::weights && shared_.contains(maker->inputs[conv_input::weights])) return x;
    Factors sizes;
    float largest = 0.0f;
    for (const ChannelRange& r : ranges) {
      sizes.push_back(std::max(-r.low, r.high));
      largest = std::max(largest, sizes.back());
    }
    if (sizes.empty() || !(largest > 0.0f)) return x;
    for (float& size : sizes) size = std::max(size / largest, 1e-3f);
    scale_outputs(*maker, inverse(sizes));
    std::string name = graph_.desc(x).name;
    graph_.desc(x).name += ":equalized";
    return multiply(name, x, sizes);
  }

  void scale_function(Node node, const Factors& factors) {
    node.inputs[0] = even_out(node.inputs[0]);
    const TensorId y = node.outputs[0];
    graph_.nodes.push_back(std::move(node));
    scaled_[y] = multiply(graph_.desc(y).name + ":equalized", y, inverse(factors));
  }

  Graph& graph_;
  const ChannelClasses& classes_;
  std::span<const float> factors_;
  const ChannelRanges& ranges_;
  const std::set<TensorId> shared_;      // weights that keep what they are, since several layers have them
  std::map<TensorId, int> reads_;        // inputs of nodes that it is, one that a node reads twice counts twice
  std::map<TensorId, TensorId> scaled_;  // a function's output -> the same with scaled channels
};

}  // namespace

Status apply_factors(Graph& graph, const ChannelClasses& classes, std::span<const float> factors,
                     const ChannelRanges& ranges) {
  return Applier(graph, classes, factors, ranges).run();
}

}  // namespace nibble::equalize

#include "converter/recover/subnet.h"

#include <algorithm>
#include <set>

#include "converter/execute/fast_layer.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"
#include "reference/value.h"

namespace nibble::recover {

class Subnet::Builder {
 public:
  Builder(const Graph& graph, std::span<const NodeId> nodes, Subnet& subnet)
      : graph_(graph), nodes_(nodes), subnet_(subnet) {}

  Status build(TensorId input, TensorId output) {
    find_needed(input, output);
    NBL_TRY(subnet_.input_, add_slot(input));
    for (const NodeId id : needed_) NBL_CHECK(add_node(graph_.nodes[static_cast<size_t>(id)]));
    const auto found = slot_of_.find(output);
    if (found == slot_of_.end() || found->second == subnet_.input_) {
      return Error{Code::internal,
                   format("tensor '%s' is not computed by this part of the network", graph_.desc(output).name.c_str())};
    }
    subnet_.output_ = found->second;
    for (Parameter& p : subnet_.parameters_) p.trainable = !read_outside(p.tensor);
    return {};
  }

 private:
  // Those of the given nodes that the output depends on.
  void find_needed(TensorId input, TensorId output) {
    std::set<TensorId> wanted{output};
    for (size_t i = nodes_.size(); i-- > 0;) {
      const Node& node = graph_.nodes[static_cast<size_t>(nodes_[i])];
      if (!std::any_of(node.outputs.begin(), node.outputs.end(), [&](TensorId id) { return wanted.contains(id); })) {
        continue;
      }
      needed_.insert(nodes_[i]);
      for (const TensorId id : node.inputs) {
        if (id != kNoTensor && id != input) wanted.insert(id);
      }
    }
  }

  bool read_outside(TensorId tensor) const {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const std::vector<TensorId>& in = graph_.nodes[i].inputs;
      if (!needed_.contains(static_cast<NodeId>(i)) && std::find(in.begin(), in.end(), tensor) != in.end()) return true;
    }
    return false;
  }

  Result<size_t> add_slot(TensorId id) {
    NBL_TRY(const Extent extent, extent_of(graph_.desc(id), subnet_.samples_));
    subnet_.slots_.push_back({extent, {}, false, false});
    return slot_of_[id] = subnet_.slots_.size() - 1;
  }

  Result<size_t> slot(TensorId id, size_t rank) {
    if (const auto found = slot_of_.find(id); found != slot_of_.end()) return found->second;
    const Tensor& tensor = graph_.tensor(id);
    if (!tensor.is_constant()) {
      return Error{Code::unsupported_op,
                   format("tensor '%s' comes from outside this part of the network", tensor.desc.name.c_str())};
    }
    NBL_TRY(const Extent extent, extent_of_constant(tensor.desc, rank));
    NBL_TRY(const reference::FloatValue value, reference::constant_value<float>(tensor));
    if (!value.is_real()) {
      return Error{Code::unsupported_op, format("constant '%s' holds no floats", tensor.desc.name.c_str())};
    }
    Slot out{extent, std::vector<float>(value.real.size()), true, false};
    to_channels_last(value.real.data(), extent, out.constant.data());
    subnet_.slots_.push_back(std::move(out));
    return subnet_.slots_.size() - 1;
  }

  Result<size_t> add_parameter(TensorId id, bool is_bias) {
    for (const Parameter& p : subnet_.parameters_) {
      if (p.tensor == id) return p.begin;
    }
    const Tensor& tensor = graph_.tensor(id);
    if (!tensor.is_constant() || tensor.desc.type != DType::f32) {
      return Error{Code::unsupported_op,
                   format("weights '%s' are no constants of 32-bit floats", tensor.desc.name.c_str())};
    }
    NBL_TRY(const reference::FloatValue value, reference::constant_value<float>(tensor));
    const size_t begin = subnet_.initial_.size();
    subnet_.parameters_.push_back({id, begin, value.real.size(), is_bias, true});
    subnet_.initial_.insert(subnet_.initial_.end(), value.real.begin(), value.real.end());
    return begin;
  }

  Status add_node(const Node& node) {
    const TensorId out = node.outputs[0];
    NBL_TRY(const Extent y, extent_of(graph_.desc(out), subnet_.samples_));
    const size_t rank = graph_.desc(out).shape.size();
    const bool weighted = is_weighted(node);
    Step step;
    LayerSource source{graph_, node, {}, y, {}};
    bool wants_gradient = weighted;
    for (size_t i = 0; i < (weighted ? 1 : node.inputs.size()); ++i) {
      NBL_TRY(const size_t at, slot(node.inputs[i], rank));
      step.inputs.push_back(at);
      source.x.push_back(subnet_.slots_[at].extent);
      wants_gradient |= subnet_.slots_[at].wants_gradient;
    }
    if (weighted) NBL_CHECK(place_weights(node, source.places));
    std::string reason;
    NBL_TRY(step.layer, make_layer(source, reason));
    if (!step.layer) return Error{Code::unsupported_op, reason};
    NBL_TRY(step.output, add_slot(out));
    subnet_.slots_[step.output].wants_gradient = wants_gradient;

    NBL_TRY(LayerActivation activation, make_activation(node, y, reason));
    if (!reason.empty()) return Error{Code::unsupported_op, reason};
    const size_t before = step.output;
    subnet_.steps_.push_back(std::move(step));
    if (!activation.layer) return {};
    size_t after = before;
    if (!activation.in_place) {
      NBL_TRY(after, add_slot(out));
      subnet_.slots_[after].wants_gradient = wants_gradient;
    }
    subnet_.steps_.push_back({std::move(activation.layer), {before}, after});
    return {};
  }

  Status place_weights(const Node& node, WeightPlaces& places) {
    if (node.inputs.size() > conv_input::multiplier) {
      return Error{Code::unsupported_op, format("the weights of '%s' are quantized already", node.name.c_str())};
    }
    NBL_TRY(places.weights, add_parameter(node.inputs[conv_input::weights], false));
    places.has_bias = node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor;
    if (places.has_bias) {
      NBL_TRY(places.bias, add_parameter(node.inputs[conv_input::bias], true));
    }
    ++subnet_.weighted_layers_;
    return {};
  }

  const Graph& graph_;
  std::span<const NodeId> nodes_;
  Subnet& subnet_;
  std::set<NodeId> needed_;
  std::map<TensorId, size_t> slot_of_;
};

Result<Subnet> Subnet::make(const Graph& graph, std::span<const NodeId> nodes, TensorId input, TensorId output,
                            int64_t samples) {
  const ThreadLimit limit(1);
  Subnet subnet;
  subnet.samples_ = samples;
  NBL_CHECK(Builder(graph, nodes, subnet).build(input, output));
  NBL_CHECK(subnet.use(subnet.initial_.data()));
  return subnet;
}

Status Subnet::use(const float* values) {
  for (Step& step : steps_) NBL_CHECK(step.layer->refresh(values));
  return {};
}

Subnet::Workspace Subnet::workspace(bool with_gradients) const {
  Workspace w;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const auto count = static_cast<size_t>(slots_[i].extent.elements());
    w.values.emplace_back(slots_[i].is_constant || i == input_ ? 0 : count);
    w.gradients.emplace_back(with_gradients && slots_[i].wants_gradient ? count : 0);
  }
  return w;
}

const float* Subnet::value(size_t slot, const float* x, const Workspace& w) const {
  if (slot == input_) return x;
  return slots_[slot].is_constant ? slots_[slot].constant.data() : w.values[slot].data();
}

Result<const float*> Subnet::forward(const float* x, Workspace& w) const {
  std::vector<const float*> inputs;
  for (const Step& step : steps_) {
    inputs.clear();
    for (const size_t slot : step.inputs) inputs.push_back(value(slot, x, w));
    NBL_CHECK(step.layer->forward(inputs, w.values[step.output].data(), w.scratch));
  }
  return static_cast<const float*>(w.values[output_].data());
}

Status Subnet::backward(const float* x, const float* dy, float* gradients, Workspace& w) const {
  for (std::vector<float>& g : w.gradients) std::fill(g.begin(), g.end(), 0.0f);
  std::copy_n(dy, output().elements(), w.gradients[output_].data());
  std::vector<const float*> inputs;
  std::vector<float*> input_gradients;
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& step = steps_[i];
    if (!slots_[step.output].wants_gradient) continue;
    inputs.clear();
    input_gradients.clear();
    for (const size_t slot : step.inputs) {
      inputs.push_back(value(slot, x, w));
      input_gradients.push_back(slots_[slot].wants_gradient ? w.gradients[slot].data() : nullptr);
    }
    NBL_CHECK(step.layer->backward(inputs, w.values[step.output].data(), w.gradients[step.output].data(),
                                   input_gradients, gradients, w.scratch));
  }
  return {};
}

Status Subnet::store(std::span<const float> values, Graph& graph) const {
  for (const Parameter& p : parameters_) {
    Tensor& tensor = graph.tensor(p.tensor);
    if (!tensor.is_constant() || tensor.constant->bytes.size() != p.count * sizeof(float)) {
      return Error{Code::internal, format("constant '%s' has changed", tensor.desc.name.c_str())};
    }
    if (!p.trainable) continue;
    tensor.constant =
        ConstantData::of(std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(p.begin),
                                            values.begin() + static_cast<std::ptrdiff_t>(p.begin + p.count)));
  }
  return {};
}

}  // namespace nibble::recover

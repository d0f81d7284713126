#include "converter/report/layer_errors.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/try.h"
#include "ops/op.h"

namespace nibble::report {
namespace {

struct StoredTensor {
  DType type = DType::f32;
  bool quantized = false;
};

std::map<std::string, StoredTensor> computed_tensors(const Graph& graph) {
  std::map<std::string, StoredTensor> out;
  for (const Tensor& t : graph.tensors) {
    if (!t.is_constant())
      out.emplace(t.desc.name, StoredTensor{t.desc.type, t.desc.quant.kind == Quant::Kind::per_tensor});
  }
  return out;
}

std::string counterpart(const std::map<std::string, StoredTensor>& stored, const std::string& name, bool is_input) {
  std::vector<std::string> candidates;
  if (!is_input) candidates.push_back(name);
  // An input's own bytes or floats say nothing; the forms made of it do (converter/quantize names them so).
  for (const char* form : {":i8", ":f16", ":normalized"}) candidates.push_back(name + form);
  for (const std::string& candidate : candidates) {
    const auto found = stored.find(candidate);
    if (found == stored.end()) continue;
    const auto [type, quantized] = found->second;
    if (quantized || type == DType::f32 || type == DType::f16) return candidate;
  }
  return "";
}

}  // namespace

double LayerError::added_noise() const {
  const auto ratio = sums.noise_ratio();
  return ratio ? std::max(0.0, *ratio - noise_in) : 0.0;
}

LayerErrors::LayerErrors(const Graph& reference, const Graph& stored) {
  const auto tensors = computed_tensors(stored);
  const auto append = [&](const std::string& name, const char* op, std::vector<size_t> sources, bool is_input) {
    const auto [at, fresh] = by_name_.emplace(name, entries_.size());
    if (!fresh) return;
    entries_.push_back({name, op, counterpart(tensors, name, is_input), {}, 0.0});
    sources_.push_back(std::move(sources));
  };
  for (TensorId id : reference.inputs) append(reference.desc(id).name, "input", {}, true);
  for (const Node& node : reference.nodes) {
    std::vector<size_t> sources;
    for (TensorId id : node.inputs) {
      if (id == kNoTensor || reference.tensor(id).is_constant()) continue;
      if (const auto found = by_name_.find(reference.desc(id).name); found != by_name_.end())
        sources.push_back(found->second);
    }
    for (TensorId id : node.outputs) append(reference.desc(id).name, op_name(node), sources, false);
  }
}

void LayerErrors::add(const std::string& name, std::span<const float> reference, std::span<const float> other) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || reference.size() != other.size()) return;
  entries_[found->second].sums.add(reference, other);
}

Status LayerErrors::add(ComparedNetwork& reference, StoredNetwork& stored,
                        const std::vector<reference::FloatValue>& values) {
  NBL_TRY([[maybe_unused]] const RunResult ran, stored.run(values, {}));
  const std::vector<std::string> names = stored.tensor_names();
  const std::set<std::string> kept(names.begin(), names.end());
  const auto compare = [&](const std::string& name, std::span<const float> seen) -> Status {
    const auto found = by_name_.find(name);
    if (found == by_name_.end() || !kept.contains(entries_[found->second].stored_as)) return {};
    NBL_TRY(const RealTensor other, stored.tensor(entries_[found->second].stored_as));
    add(name, seen, other.values);
    return {};
  };
  NBL_TRY([[maybe_unused]] const RunResult reference_ran, reference.run(values, compare));
  return {};
}

std::map<std::string, std::string> LayerErrors::counterparts() const {
  std::map<std::string, std::string> out;
  for (const LayerError& e : entries_) {
    if (!e.stored_as.empty()) out.emplace(e.name, e.stored_as);
  }
  return out;
}

std::vector<LayerError> LayerErrors::layers() const {
  std::vector<LayerError> out;
  std::vector<double> noise(entries_.size(), 0.0);  // of a tensor that was not measured: that of its sources
  for (size_t i = 0; i < entries_.size(); ++i) {
    LayerError layer = entries_[i];
    for (size_t source : sources_[i]) layer.noise_in = std::max(layer.noise_in, noise[source]);
    noise[i] = layer.sums.noise_ratio().value_or(layer.noise_in);
    if (layer.sums.values() > 0) out.push_back(std::move(layer));
  }
  return out;
}

std::vector<size_t> worst_layers(const std::vector<LayerError>& layers, size_t count) {
  std::vector<size_t> order(layers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return layers[i].added_noise() <= 0.0; });
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return layers[a].added_noise() > layers[b].added_noise(); });
  order.resize(std::min(order.size(), count));
  return order;
}

}  // namespace nibble::report

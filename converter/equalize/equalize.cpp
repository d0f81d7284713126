#include "converter/equalize/equalize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "converter/equalize/apply_factors.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::equalize {
namespace {

// Factors outside this would only move the trouble to where floats or biases lose their precision.
constexpr double kLeastFactor = 1.0 / 4096.0, kMostFactor = 4096.0;
// Multiply-adds that refining one component's factors may cost.
constexpr double kMostRefinement = 2e7;

// Classes whose factors are chosen together, since they occur in the same tensors.
struct Component {
  std::vector<int32_t> classes;
  std::vector<TensorId> tensors;  // with readers that have weights
  bool behind_function = false;
};

std::vector<Component> find_components(const Graph& graph, const ChannelClasses& classes) {
  std::vector<int32_t> parent(classes.count());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](int32_t i) {
    while (parent[static_cast<size_t>(i)] != i) i = parent[static_cast<size_t>(i)];
    return i;
  };
  const auto is_free = [&](int32_t i) { return !classes.frozen[static_cast<size_t>(i)]; };
  for (const auto& ids : classes.of_tensor) {
    int32_t first = -1;
    for (int32_t id : ids) {
      if (!is_free(id)) continue;
      if (first < 0) first = root(id);
      const int32_t other = root(id);
      parent[static_cast<size_t>(std::max(first, other))] = std::min(first, other);
      first = std::min(first, other);
    }
  }
  std::map<int32_t, Component> by_root;
  for (size_t i = 0; i < classes.count(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (is_free(id)) by_root[root(id)].classes.push_back(id);
  }
  const auto component_of = [&](TensorId tensor) -> Component* {
    for (int32_t id : classes.of_tensor[static_cast<size_t>(tensor)]) {
      if (is_free(id)) return &by_root[root(id)];
    }
    return nullptr;
  };
  for (const Node& node : graph.nodes) {
    if (is_function(graph, node)) {
      if (Component* c = component_of(node.outputs[0])) c->behind_function = true;
    }
    if (!takes_input_factors(graph, node)) continue;
    Component* c = component_of(node.inputs[0]);
    if (c && std::find(c->tensors.begin(), c->tensors.end(), node.inputs[0]) == c->tensors.end())
      c->tensors.push_back(node.inputs[0]);
  }
  std::vector<Component> out;
  for (auto& [id, component] : by_root) {
    if (!component.tensors.empty()) out.push_back(std::move(component));
  }
  return out;
}

// The search for one component's factors. Index 0 is the factor of all frozen channels and stays 1.
class Search {
 public:
  Search(const Graph& graph, const ChannelClasses& classes, const Component& component, const ChannelRanges& ranges,
         const NoiseOptions& options)
      : model_(build(graph, classes, component, ranges, options)) {}

  double before() const { return model_.noise(std::vector<double>(size_.size(), 1.0)); }

  // The best factors found, largest noise first tried: families of powers of each channel's size, then by coordinates.
  std::vector<double> run(double& noise) const {
    std::vector<double> best(size_.size(), 1.0);
    noise = before();
    for (const std::vector<double>* size : {&size_, &energy_}) {
      for (double alpha = 0.0; alpha <= 1.0; alpha += 0.25) {
        for (double beta = 0.0; beta <= 1.0; beta += 0.25) {
          std::vector<double> factors = family(*size, alpha, beta);
          const double found = model_.noise(factors);
          if (found < noise) noise = found, best = std::move(factors);
        }
      }
    }
    refine(best, noise);
    return best;
  }

 private:
  NoiseModel build(const Graph& graph, const ChannelClasses& classes, const Component& component,
                   const ChannelRanges& ranges, const NoiseOptions& options) {
    std::map<int32_t, size_t> index;
    for (int32_t id : component.classes) index.emplace(id, index.size() + 1);
    size_.assign(index.size() + 1, 0.0);
    energy_ = weight_ = size_;
    fixed_.assign(size_.size(), false);
    std::vector<Reader> readers;
    std::vector<ScaledTensor> tensors;
    std::vector<size_t> tensor_of_reader;
    for (TensorId id : component.tensors) {
      ScaledTensor tensor;
      tensor.ranges = ranges.of(id);
      for (int32_t class_id : classes.of_tensor[static_cast<size_t>(id)]) {
        const auto found = index.find(class_id);
        tensor.at.push_back(found == index.end() ? 0 : found->second);
      }
      if (tensor.ranges.size() != tensor.at.size()) continue;  // no sample reached it
      for (size_t c = 0; c < tensor.at.size(); ++c) {
        const ChannelRange& r = tensor.ranges[c];
        double& size = size_[tensor.at[c]];
        size = std::max({size, -static_cast<double>(r.low), static_cast<double>(r.high)});
        energy_[tensor.at[c]] = std::max(energy_[tensor.at[c]], std::sqrt(r.mean_square()));
      }
      for (const Node& node : graph.nodes) {
        if (node.inputs.empty() || node.inputs[0] != id || !takes_input_factors(graph, node)) continue;
        const auto* norm = op_if<InstanceNorm>(node);
        readers.push_back(norm ? make_norm_reader(tensor.at, tensor.ranges)
                               : make_reader(graph, node, tensor.at, tensor.ranges));
        tensor_of_reader.push_back(tensors.size());
        norm ? note_epsilon(readers.back(), static_cast<double>(norm->epsilon)) : note_weights(readers.back());
      }
      tensors.push_back(std::move(tensor));
    }
    for (const Reader& r : readers) work_ += static_cast<double>(r.channels * r.outputs);
    return NoiseModel(std::move(readers), std::move(tensors), std::move(tensor_of_reader), options);
  }

  // A normalization adds its epsilon to the variance, which a factor below 1 makes larger: where that could be seen,
  // the channel keeps its scale.
  void note_epsilon(const Reader& r, double epsilon) {
    for (size_t c = 0; c < r.at.size(); ++c) {
      if (r.ranges[c].variance() < 0.5e5 * epsilon) fixed_[r.at[c]] = true;
      weight_[r.at[c]] = 1.0;
    }
  }

  void note_weights(const Reader& r) {
    const double all = *std::max_element(r.largest.begin(), r.largest.end());
    for (int64_t c = 0; c < r.channels && all > 0.0; ++c) {
      const auto* column = r.largest.data() + c * r.outputs;
      double& weight = weight_[r.at[static_cast<size_t>(c)]];
      weight = std::max(weight, *std::max_element(column, column + r.outputs) / all);
    }
  }

  std::vector<double> family(const std::vector<double>& size, double alpha, double beta) const {
    const double largest = *std::max_element(size.begin(), size.end());
    std::vector<double> factors(size.size(), 1.0);
    for (size_t i = 1; i < factors.size(); ++i) {
      if (size[i] <= 0.0 || weight_[i] <= 0.0 || fixed_[i]) continue;  // dead, or read by nobody: as it is
      const double factor = std::pow(size[i] / largest, alpha) * std::pow(weight_[i], -beta);
      factors[i] = std::clamp(factor, kLeastFactor, kMostFactor);
    }
    return factors;
  }

  void refine(std::vector<double>& factors, double& noise) const {
    double cost = 0.0;
    for (double step : {2.0, std::sqrt(2.0), std::pow(2.0, 0.25)}) {
      for (size_t i = 1; i < factors.size(); ++i) {
        if (fixed_[i]) continue;
        for (double ratio : {step, 1.0 / step}) {
          cost += work_;
          if (cost > kMostRefinement) return;
          const double old = factors[i];
          factors[i] = std::clamp(old * ratio, kLeastFactor, kMostFactor);
          const double found = model_.noise(factors);
          if (found < noise) {
            noise = found;
            break;
          }
          factors[i] = old;
        }
      }
    }
  }

  std::vector<double> size_, energy_, weight_;  // by factor: largest value, root of the mean square, largest weight
  std::vector<bool> fixed_;                     // by factor: stays 1
  double work_ = 0.0;
  NoiseModel model_;  // last: build() fills the others
};

// What a search found for one component.
struct Proposal {
  const Component* component = nullptr;
  std::vector<double> factors;
  Equalized entry;
  // Bytes of tables behind functions over those of all weights in int8.
  double price = 0.0;
  double gain() const { return entry.noise_before - entry.noise_after; }
};

// Tables of so many bytes are never too many.
constexpr double kSmallTables = 4096.0;

// Channels of the functions whose outputs the component scales.
size_t function_channels(const Graph& graph, const ChannelClasses& classes, const Component& component) {
  if (!component.behind_function) return 0;
  size_t count = 0;
  for (const Node& node : graph.nodes) {
    if (!is_function(graph, node)) continue;
    for (int32_t id : classes.of_tensor[static_cast<size_t>(node.outputs[0])])
      count += std::binary_search(component.classes.begin(), component.classes.end(), id) ? 1 : 0;
  }
  return count;
}

// Scaling behind a function costs 256 bytes a channel and a step of its own: only where it takes away a good part of
// the noise that is left in the whole network, twice the part of the weights' size that its tables take; the largest
// first.
void drop_small_gains(std::vector<Proposal>& proposals, double least_share) {
  double left = 0.0;
  for (const Proposal& p : proposals) {
    left += p.component->behind_function || p.factors.empty() ? p.entry.noise_before : p.entry.noise_after;
  }
  std::vector<size_t> order(proposals.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return proposals[a].gain() > proposals[b].gain(); });
  for (size_t i : order) {
    Proposal& p = proposals[i];
    if (!p.component->behind_function || p.factors.empty()) continue;
    if (p.gain() < std::max(least_share, 2.0 * p.price) * left) {
      p.factors.clear();
    } else {
      left -= p.gain();
    }
  }
}

}  // namespace

Result<std::vector<Equalized>> equalize(Graph& graph, const ChannelRanges& ranges, const Options& options) {
  const ChannelClasses classes = find_channel_classes(graph, options.classes);
  const std::vector<Component> components = find_components(graph, classes);
  double weights = 0.0;
  for (const Node& node : graph.nodes) {
    if (takes_input_factors(graph, node) && !op_if<InstanceNorm>(node))
      weights += static_cast<double>(elements(graph.desc(node.inputs[conv_input::weights]).shape).value());
  }
  std::vector<Proposal> proposals;
  for (const Component& component : components) {
    const Search search(graph, classes, component, ranges, options.noise);
    Proposal p;
    p.component = &component;
    p.entry.tensor = graph.desc(component.tensors[0]).name;
    p.entry.behind_function = component.behind_function;
    p.entry.noise_before = search.before();
    p.factors = search.run(p.entry.noise_after);
    if (!(p.entry.noise_after < options.worthwhile * p.entry.noise_before)) p.factors.clear();
    const double bytes = 256.0 * static_cast<double>(function_channels(graph, classes, component));
    p.price = std::max(bytes - kSmallTables, 0.0) / std::max(weights, 1.0);
    proposals.push_back(std::move(p));
  }
  drop_small_gains(proposals, options.worthwhile_behind_functions);
  std::vector<float> factors(classes.count(), 1.0f);
  std::vector<Equalized> out;
  for (Proposal& p : proposals) {
    if (p.factors.empty()) continue;
    for (size_t i = 0; i < p.component->classes.size(); ++i) {
      const double factor = p.factors[i + 1];
      p.entry.smallest = std::min(p.entry.smallest, factor);
      p.entry.largest = std::max(p.entry.largest, factor);
      factors[static_cast<size_t>(p.component->classes[i])] = static_cast<float>(factor);
    }
    for (size_t id = 0; id < classes.of_tensor.size(); ++id) {
      const std::vector<int32_t>& of_tensor = classes.of_tensor[id];
      const auto scaled = [&](int32_t c) {
        return std::binary_search(p.component->classes.begin(), p.component->classes.end(), c);
      };
      if (graph.tensors[id].is_constant() || std::none_of(of_tensor.begin(), of_tensor.end(), scaled)) continue;
      std::vector<float>& of_channels = p.entry.factors[graph.tensors[id].desc.name];
      for (int32_t c : of_tensor) of_channels.push_back(scaled(c) ? factors[static_cast<size_t>(c)] : 1.0f);
    }
    out.push_back(std::move(p.entry));
  }
  NBL_CHECK(apply_factors(graph, classes, factors, ranges));
  return out;
}

}  // namespace nibble::equalize

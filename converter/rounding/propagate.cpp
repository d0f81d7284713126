// The original and the quantized network side by side, level by level: a pass runs all samples up to the inputs of the
// next layers, whose weights are then rounded and put into the quantized network for the passes that follow.
#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/quantize/equal_weights.h"
#include "converter/rounding/held_out.h"
#include "converter/rounding/layerwise.h"
#include "converter/rounding/network_parts.h"
#include "converter/rounding/propagated_moments.h"
#include "converter/rounding/round_network.h"
#include "converter/rounding/sample_cache.h"
#include "converter/statistics/gram.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::rounding {
namespace {

// Fewer pictures are too few to do without one.
constexpr size_t kHoldOutEvery = 4, kFewestPictures = 8;

// While a layer of long rows is rounded, less of the samples is kept: together they are not to take more than this, if
// kLeastCache lets them.
constexpr size_t kRoundingBytes = size_t{512} << 20, kLeastCache = size_t{64} << 20;

// Of H, its factor and both triangles of sums.
size_t rounding_bytes(const LayerWeights& layer) {
  const auto row = static_cast<size_t>(layer.inputs * layer.kernel);
  return row > static_cast<size_t>(statistics::kLongestRowWithPairs) ? 0 : 3 * row * row * sizeof(double);
}

// These layers against the original network's inputs, as many a pass as their sums fit.
Result<RoundedNetwork> round_in_stages(const Graph& graph, const quantization::Options& format,
                                       const std::vector<NodeId>& layers, const SampleFeed& samples,
                                       const NetworkOptions& options) {
  Layerwise rounding(graph, format, options, layers);
  for (const auto& stage : statistics::moment_stages(graph, rounding.order(), options.cache_bytes)) {
    NBL_TRY(statistics::Gathered gathered,
            statistics::gather(graph, stage, {}, samples, 0,
                               {.positions = options.positions, .threads = options.layer.threads}, {}));
    for (NodeId id : stage) NBL_CHECK(rounding.add(id, std::move(gathered.layers.at(id))));
  }
  return rounding.take();
}

class Propagation {
 public:
  Propagation(const Graph& graph, const quantization::Ranges& ranges, const quantization::Options& format,
              const SampleFeed& samples, const NetworkOptions& options)
      : original_(graph),
        quantized_(graph),
        format_(format),
        samples_(samples),
        options_(options),
        scales_(stored_scales(graph, ranges, format)),
        cache_(samples.count, options.cache_bytes, scales_) {
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      if (layer_weights(graph, graph.nodes[n], format)) layers_.insert(static_cast<NodeId>(n));
    }
    levels_ = find_levels(graph, layers_);
  }

  Result<RoundedNetwork> run() {
    NBL_CHECK(round_shared());
    for (int level = 0; level <= levels_.last; ++level) {
      NBL_CHECK(prepare(level));
      for (size_t i = 0; i < samples_.count;) {
        const size_t end = std::min(samples_.count, i + static_cast<size_t>(std::max(options_.layer.threads, 1)));
        NBL_CHECK(advance(level, i, end));
        i = end;
      }
      NBL_CHECK(round_level());
    }
    return std::move(out_);
  }

 private:
  struct LayerAtLevel {
    NodeId node;
    TensorId skip = kNoTensor;
    PropagatedMoments moments;
    std::optional<PropagatedMoments> held;  // of the held-out pictures, where something is chosen by them
  };
  // One sample on its way.
  struct Run {
    SampleTensors original, quantized;
    Status status;
  };
  // Both networks between two levels, bound to the sizes of the samples.
  struct Part {
    std::unique_ptr<Executor> original, quantized;
  };

  // Layers with equal weights may lie at different levels: those weights are rounded before.
  Status round_shared() {
    const std::vector<NodeId> layers(layers_.begin(), layers_.end());
    std::vector<NodeId> shared;
    for (const std::vector<NodeId>& alike : quantization::group_by_weights(original_, layers, format_)) {
      if (alike.size() > 1) shared.insert(shared.end(), alike.begin(), alike.end());
    }
    if (shared.empty()) return {};
    NetworkOptions silent = options_;
    silent.progress = {};
    NBL_TRY(shared_, round_in_stages(original_, format_, shared, samples_, silent));
    return {};
  }

  Status prepare(int level) {
    current_.clear();
    parts_.clear();  // the quantized network has changed
    bound_.reset();
    for (NodeId id : layers_) {
      const Node& node = original_.nodes[static_cast<size_t>(id)];
      if (levels_.tensor[static_cast<size_t>(node.inputs[conv_input::x])] != level) continue;
      const TensorId skip = added_to(original_, node);
      const bool known = skip != kNoTensor && levels_.tensor[static_cast<size_t>(skip)] <= level;
      const auto moments = [&] {
        return PropagatedMoments(node.name, *layer_weights(original_, node, format_), options_.positions,
                                 options_.layer.threads);
      };
      current_.push_back({id, known ? skip : kNoTensor, moments(), {}});
      const bool chosen = !shared_.layers.contains(node.name) && current_.back().moments.has_pairs();
      if (holds_out() && chosen) current_.back().held.emplace(moments());
    }
    return {};
  }

  // Binds everything to the sizes of this sample, where they differ from those of the one before.
  Status bind(size_t sample) {
    NBL_TRY(const DimBindings dims, samples_.dims(sample));
    if (bound_ && dims == dims_) return {};
    NBL_TRY(bound_, bind_dims(original_, dims));
    NBL_TRY(bound_quantized_, bind_dims(quantized_, dims));
    dims_ = dims;
    parts_.clear();
    for (LayerAtLevel& layer : current_) {
      const Node& node = bound_->nodes[static_cast<size_t>(layer.node)];
      NBL_CHECK(layer.moments.bind(*bound_, node));
      if (layer.held) NBL_CHECK(layer.held->bind(*bound_, node));
    }
    return {};
  }

  Result<const Part*> part(int from, int to) {
    Part& part = parts_[from];
    if (!part.original) {
      NBL_TRY(part.original, make_cpu_executor(cut(*bound_, levels_, from, to)));
      NBL_TRY(part.quantized,
              make_cpu_executor(cut(bound_quantized_, levels_, from, to), 1, false, quantizing_editor(scales_)));
    }
    return &part;
  }

  static Status run_part(Executor& executor, std::vector<reference::FloatValue> inputs, SampleTensors& tensors) {
    NBL_TRY(std::vector<reference::FloatValue> outputs, executor.run(std::move(inputs), {}));
    for (size_t o = 0; o < outputs.size(); ++o) tensors[executor.graph().outputs[o]] = std::move(outputs[o]);
    return {};
  }

  // Brings one sample to the level.
  Status bring(const Part& part, size_t sample, bool from_start, Run& run) {
    std::vector<reference::FloatValue> original, quantized;
    if (from_start) {
      NBL_TRY(original, samples_.inputs(part.original->graph(), sample));
      quantized = original;
    } else {
      cache_.load(sample, run.original, run.quantized);
      for (TensorId id : part.original->graph().inputs) {
        original.push_back(run.original.at(id));
        quantized.push_back(run.quantized.at(id));
      }
    }
    if (from_start) {  // the network's inputs may be read again later on
      for (size_t i = 0; i < original.size(); ++i) {
        const TensorId id = part.original->graph().inputs[i];
        run.original[id] = original[i];
        run.quantized[id] = quantized[i];
        if (quantized[i].is_real() && scales_[static_cast<size_t>(id)])
          quantize_values(*scales_[static_cast<size_t>(id)], run.quantized[id].real);
      }
    }
    NBL_CHECK(run_part(*part.original, std::move(original), run.original));
    return run_part(*part.quantized, std::move(quantized), run.quantized);
  }

  // Samples first..last-1, side by side; their sums are formed one after the other.
  Status advance(int level, size_t first, size_t last) {
    for (size_t i = first; i < last;) {
      NBL_CHECK(bind(i));
      size_t end = i + 1;  // as many as have these sizes
      for (; end < last; ++end) {
        NBL_TRY(const DimBindings dims, samples_.dims(end));
        if (dims != dims_) break;
      }
      std::vector<Run> runs(end - i);
      for (size_t s = i; s < end; ++s) NBL_CHECK(part(cache_.level(s), level));
      statistics::parallel_for(static_cast<int64_t>(runs.size()), options_.layer.threads, [&](int64_t r) {
        const size_t sample = i + static_cast<size_t>(r);
        Run& run = runs[static_cast<size_t>(r)];
        run.status = bring(parts_.at(cache_.level(sample)), sample, cache_.level(sample) < 0, run);
      });
      for (size_t s = i; s < end; ++s) {
        Run& run = runs[s - i];
        if (!run.status) return std::move(run.status);
        NBL_CHECK(collect(s, run));
        keep_frontier(level, run);
        cache_.store(s, level, run.original, run.quantized);
      }
      i = end;
    }
    return {};
  }

  void keep_frontier(int level, Run& run) const {
    const std::vector<TensorId> wanted = frontier(original_, levels_, level);
    const std::set<TensorId> keep(wanted.begin(), wanted.end());
    std::erase_if(run.original, [&](const auto& entry) { return !keep.contains(entry.first); });
    std::erase_if(run.quantized, [&](const auto& entry) { return !keep.contains(entry.first); });
  }

  Status collect(size_t sample, const Run& run) {
    for (LayerAtLevel& layer : current_) {
      const TensorId x = original_.nodes[static_cast<size_t>(layer.node)].inputs[conv_input::x];
      LayerSample values{run.original.at(x).real, run.quantized.at(x).real, {}, {}};
      if (!std::all_of(values.original.begin(), values.original.end(), [](float v) { return std::isfinite(v); }))
        return Error{Code::invalid_argument,
                     nibble::format("rounding: tensor '%s' held NaN or infinity in sample %zu; check the preprocessing",
                                    original_.desc(x).name.c_str(), sample)};
      if (layer.skip != kNoTensor) {
        values.skip_original = run.original.at(layer.skip).real;
        values.skip_quantized = run.quantized.at(layer.skip).real;
      }
      (layer.held && is_held_out(sample) ? *layer.held : layer.moments).add(sample, values);
    }
    return {};
  }

  bool holds_out() const {
    return options_.layer.held_out && options_.pictures >= kFewestPictures && options_.layer.method != Method::nearest;
  }
  bool is_held_out(size_t sample) const {
    return holds_out() && sample % options_.pictures % kHoldOutEvery == kHoldOutEvery - 1;
  }

  Result<LayerResult> round_fitted(const LayerWeights& weights, LayerAtLevel& layer) const {
    PartSums all{layer.moments.take_moments(), layer.moments.take_targets()};
    Options options = options_.layer;
    if (layer.held) {
      const PartSums held{layer.held->take_moments(), layer.held->take_targets()};
      NBL_TRY(const FitStrength strength, choose_strength(weights, all, held, options));
      NBL_CHECK(all.merge(held));
      options.damping.trust = strength.trust;
      all.targets = follow(weights, all.moments, std::move(all.targets), strength.follow);
    }
    return round_layer(weights, all.moments, all.targets, options);
  }

  Result<LayerResult> round(const Node& node, LayerAtLevel& layer) const {
    const LayerWeights weights = *layer_weights(original_, node, format_);
    const auto shared = shared_.layers.find(node.name);
    if (shared == shared_.layers.end()) return round_fitted(weights, layer);
    LayerResult out{shared->second, shared_.relative_error.at(node.name)};
    const statistics::LayerMoments moments = layer.moments.take_moments();
    if (options_.layer.bias_correction)
      out.layer.bias = corrected_bias(weights, out.layer.weights, moments, layer.moments.take_targets());
    return out;
  }

  Status round_level() {
    parts_.clear();  // their weights are copies; bind() makes them again
    bound_.reset();
    size_t most = 0;
    for (const LayerAtLevel& layer : current_)
      most = std::max(
          most, rounding_bytes(*layer_weights(original_, original_.nodes[static_cast<size_t>(layer.node)], format_)));
    cache_.limit(
        std::min(options_.cache_bytes, std::max(kLeastCache, kRoundingBytes - std::min(kRoundingBytes, most))));
    for (LayerAtLevel& layer : current_) {
      const Node& node = original_.nodes[static_cast<size_t>(layer.node)];
      auto result = round(node, layer);
      if (!result)
        return std::move(result).error().with_context(nibble::format("%s '%s'", op_name(node), node.name.c_str()));
      set_weights(quantized_, quantized_.nodes[static_cast<size_t>(layer.node)], result->layer);
      out_.layers[node.name] = std::move(result->layer);
      out_.relative_error[node.name] = result->relative_error;
      if (options_.progress) options_.progress(out_.layers.size(), layers_.size());
    }
    current_.clear();
    cache_.limit(options_.cache_bytes);
    return {};
  }

  const Graph& original_;
  Graph quantized_;
  const quantization::Options& format_;
  const SampleFeed& samples_;
  const NetworkOptions& options_;
  StoredScales scales_;
  SampleCache cache_;
  std::set<NodeId> layers_;
  Levels levels_;
  std::vector<LayerAtLevel> current_;
  std::optional<Graph> bound_;
  Graph bound_quantized_;
  DimBindings dims_;
  std::map<int, Part> parts_;  // to the current level, by where they begin
  RoundedNetwork shared_;      // layers whose weights others have too
  RoundedNetwork out_;
};

}  // namespace

Result<RoundedNetwork> round_network(const Graph& graph, const quantization::Ranges& ranges,
                                     const quantization::Options& format, const SampleFeed& samples,
                                     const NetworkOptions& options) {
  if (samples.count == 0) return Error{Code::invalid_argument, "rounding needs samples"};
  if (!options.layer.propagate) {
    std::vector<NodeId> layers;
    for (NodeId id : statistics::moment_layers(graph)) {
      if (layer_weights(graph, graph.nodes[static_cast<size_t>(id)], format)) layers.push_back(id);
    }
    return round_in_stages(graph, format, layers, samples, options);
  }
  return Propagation(graph, ranges, format, samples, options).run();
}

}  // namespace nibble::rounding

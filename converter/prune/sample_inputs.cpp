#include "converter/prune/sample_inputs.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "core/try.h"

namespace nibble::prune {

namespace {

struct Cache {
  std::mutex mutex;
  std::vector<std::vector<reference::FloatValue>> values;  // by sample; empty: not kept
  size_t left = 0;
};

}  // namespace

SampleInputs cached_samples(const SampleInputs& samples, size_t bytes) {
  auto cache = std::make_shared<Cache>();
  cache->values.resize(samples.count);
  cache->left = bytes;
  SampleInputs out = samples;
  out.inputs = [samples, cache](const Graph& bound, size_t i) -> Result<std::vector<reference::FloatValue>> {
    {
      const std::lock_guard lock(cache->mutex);
      if (!cache->values[i].empty()) return cache->values[i];
    }
    NBL_TRY(std::vector<reference::FloatValue> values, samples.inputs(bound, i));
    size_t size = 0;
    for (const auto& v : values) size += v.real.size() * sizeof(float) + v.stored.size() * sizeof(int64_t);
    const std::lock_guard lock(cache->mutex);
    if (size <= cache->left && cache->values[i].empty()) {
      cache->left -= size;
      cache->values[i] = values;
    }
    return values;
  };
  return out;
}

SampleInputs selected_samples(const SampleInputs& samples, std::vector<size_t> numbers) {
  SampleInputs out;
  out.count = numbers.size();
  out.dims = [samples, numbers](const Graph& graph, size_t i) { return samples.dims(graph, numbers[i]); };
  out.inputs = [samples, numbers](const Graph& bound, size_t i) { return samples.inputs(bound, numbers[i]); };
  return out;
}

PartialRuns::PartialRuns(const Graph& graph, const SampleInputs& samples, std::vector<TensorId> wanted)
    : graph_(graph), samples_(samples), wanted_(std::move(wanted)) {
  std::vector<bool> needed(graph_.tensors.size(), false);
  graph_.outputs = wanted_;
  for (TensorId id : wanted_) needed[static_cast<size_t>(id)] = true;
  std::vector<Node> kept;
  for (size_t n = graph_.nodes.size(); n-- > 0;) {
    Node& node = graph_.nodes[n];
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](TensorId id) { return needed[static_cast<size_t>(id)]; });
    if (!used) continue;
    for (TensorId id : node.inputs) {
      if (id != kNoTensor) needed[static_cast<size_t>(id)] = true;
    }
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph_.nodes = std::move(kept);
}

Status PartialRuns::prepare(size_t sample) {
  NBL_TRY(const DimBindings dims, samples_.dims(graph_, sample));
  if (!executor_ || dims != dims_) {
    NBL_TRY(Graph bound, bind_dims(graph_, dims));
    for (Tensor& tensor : bound.tensors) {  // tensors of nodes that are left out keep free sizes that nobody asks for
      for (Dim& d : tensor.desc.shape) d = d.bind(dims);
    }
    NBL_TRY(executor_, make_cpu_executor(std::move(bound)));
    dims_ = dims;
    ++version_;
  }
  return {};
}

Result<std::vector<std::span<const float>>> PartialRuns::run(size_t sample) {
  NBL_CHECK(prepare(sample));
  NBL_TRY(std::vector<reference::FloatValue> inputs, samples_.inputs(executor_->graph(), sample));
  NBL_TRY(outputs_, executor_->run(std::move(inputs), {}));
  std::vector<std::span<const float>> out;
  for (const auto& value : outputs_) out.emplace_back(value.real);
  return out;
}

Status for_each_in_two_parts(size_t samples, const std::function<Status(size_t, size_t)>& f) {
  Status results[2];
  const auto work = [&](size_t part) {
    for (size_t i = part; i < samples && results[part]; i += 2) results[part] = f(part, i);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  NBL_CHECK(results[0]);
  return results[1];
}

}  // namespace nibble::prune

#include "converter/compress/report_costs.h"

#include <algorithm>

#include "converter/data/network_inputs.h"
#include "converter/quantize/formats.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

uint64_t tensor_bytes(const TensorDesc& desc) {
  const auto count = elements(desc.shape).value();
  return static_cast<uint64_t>(count) * bytes_per_element(desc.type);
}

// Milliseconds by node name.
Result<std::map<std::string, double>> layer_times(search::LatencyTable& table, const Graph& bound) {
  NBL_TRY(const std::vector<double> times, table.node_ms(bound));
  std::map<std::string, double> out;
  for (size_t n = 0; n < bound.nodes.size(); ++n) out[bound.nodes[n].name] = times[n];
  return out;
}

}  // namespace

uint64_t live_activation_bytes(const Graph& bound) {
  struct Life {
    size_t first = 0, last = 0;
    bool used = false;
  };
  std::vector<Life> lives(bound.tensors.size());
  const auto touch = [&](TensorId id, size_t at) {
    if (id == kNoTensor || bound.tensor(id).is_constant()) return;
    Life& life = lives[static_cast<size_t>(id)];
    if (!life.used) life.first = at;
    life.used = true;
    life.last = at;
  };
  for (TensorId id : bound.inputs) touch(id, 0);
  for (size_t n = 0; n < bound.nodes.size(); ++n) {
    for (TensorId id : bound.nodes[n].inputs) touch(id, n);
    for (TensorId id : bound.nodes[n].outputs) touch(id, n);
  }
  for (TensorId id : bound.outputs) touch(id, bound.nodes.empty() ? 0 : bound.nodes.size() - 1);
  std::vector<int64_t> change(bound.nodes.size() + 2, 0);
  for (size_t id = 0; id < lives.size(); ++id) {
    if (!lives[id].used) continue;
    const auto bytes = static_cast<int64_t>(tensor_bytes(bound.tensors[id].desc));
    change[lives[id].first] += bytes;
    change[lives[id].last + 1] -= bytes;
  }
  int64_t now = 0, most = 0;
  for (int64_t c : change) most = std::max(most, now += c);
  return static_cast<uint64_t>(most);
}

Status add_costs(Compression& c, report::CompressionReport& report) {
  DimBindings dims;
  if (c.samples && c.samples->size() > 0) {
    NBL_TRY(dims, dims_of_sample(c.original, c.samples->set, 0, c.preprocessing));
  } else if (!free_dims(c.original).empty()) {
    return {};  // no sizes to compute for
  }
  NBL_TRY(const Graph before, bind_dims(c.original, dims));
  NBL_TRY(const Graph after, bind_dims(c.graph, dims));
  report.memory_before = live_activation_bytes(before);
  report.memory_after = live_activation_bytes(after);
  if (!c.latency) return {};
  quantization::Options unchanged;
  unchanged.weights = quantization::WeightFormat::fp32;
  unchanged.activations = quantization::ActivationFormat::real;
  NBL_TRY(const quantization::Quantized original, quantization::quantize(before, {}, unchanged));
  NBL_TRY(const auto ms_before, layer_times(*c.latency, original.graph));
  NBL_TRY(const auto ms_after, layer_times(*c.latency, after));
  NBL_TRY(const search::NetworkTime time_before,
          c.latency->network_time(original.graph, search::LayerTimer::Look::long_look));
  NBL_TRY(const search::NetworkTime time_after, c.latency->network_time(after, search::LayerTimer::Look::long_look));
  report.ms_before = time_before.median;
  report.ms_after = time_after.median;
  report.timed_on = c.latency->device_name();
  for (report::LayerFacts& layer : report.layers) {
    if (const auto found = ms_before.find(layer.node); found != ms_before.end()) layer.ms_before = found->second;
    if (const auto found = ms_after.find(layer.node); found != ms_after.end()) layer.ms_after = found->second;
  }
  if (const Status saved = c.latency->save(); !saved)  // times that must be measured again, no more
    c.undone.push_back("--latency-table: " + saved.error().message);
  return {};
}

}  // namespace nibble::compress

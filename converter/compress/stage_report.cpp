// Facts for the report, and the report itself.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include "converter/compress/layer_sensitivity.h"
#include "converter/compress/report_costs.h"
#include "converter/compress/stages.h"
#include "converter/quantize/formats.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"
#include "media/atomic_file.h"
#include "nibble/version.h"
#include "ops/op.h"

namespace nibble::compress {
namespace {

uint64_t constant_bytes(const Graph& graph, const Node& node) {
  uint64_t sum = 0;
  for (TensorId id : node.inputs) {
    if (id != kNoTensor && graph.tensor(id).is_constant()) sum += graph.tensor(id).constant->bytes.size();
  }
  return sum;
}

uint64_t file_bytes(const std::string& path) {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  return failed ? 0 : static_cast<uint64_t>(bytes);
}

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

int64_t channels(const Graph& graph, const Node& node) {
  const Shape& shape = graph.desc(node.inputs[conv_input::weights]).shape;
  return shape.empty() || !shape[0].is_const() ? 0 : shape[0].value();
}

template <class T>
const T* named(const std::vector<T>& items, const std::string& name, std::string T::*member) {
  const auto it = std::find_if(items.begin(), items.end(), [&](const T& item) { return item.*member == name; });
  return it == items.end() ? nullptr : &*it;
}

void add_verdict(const Compression& c, report::CompressionReport& r) {
  if (!c.fidelity || c.fidelity->samples() == 0) return;
  const report::Fidelity& f = *c.fidelity;
  r.judged = f.samples();
  r.held_out = c.verified_held_out;
  r.verdict = f.verdict() == report::Verdict::fine   ? "fine"
              : f.verdict() == report::Verdict::poor ? "poor"
                                                     : "collapsed";
  r.verdict_text = f.summary();
  if (f.decides()) {
    r.agreement = f.agreement();
    r.agreement_interval = report::wilson_interval(f.agreement().hits, f.agreement().total);
  }
  r.sqnr_db = f.sqnr_db();
  r.sqnr_interval = f.sqnr_interval();
  int64_t constant = 0;
  for (const report::ConstantChannels& layer : f.constant_channels()) constant += layer.constant;
  if (constant > 0) {
    r.notes.push_back({"", format("%lld channels of the original had one value on all samples judged; those that "
                                  "their weights prove dead are removed",
                                  static_cast<long long>(constant))});
  }
}

// The bounds that were given, as on the command line.
std::string bounds(const ConvertOptions& o) {
  std::string out;
  if (!o.max_size.empty()) out += ", --max-size " + o.max_size;
  if (!o.max_macs.empty()) out += ", --max-macs " + o.max_macs;
  if (o.target_latency > 0.0) out += format(", --target-latency %g", o.target_latency);
  if (!o.max_drop.empty()) out += ", --max-drop " + o.max_drop;
  if (!o.plan.empty()) out += ", --plan " + file_name(o.plan);
  return out;
}

// Why the layer has its format and its channels.
std::string reason_of(const Compression& c, const report::LayerFacts& layer) {
  if (layer.removed) return "removed: nothing reads it, or what it makes is constant";
  const search::Budget& b = c.budget;
  std::string out = layer.reason;
  if (out.empty()) {
    out = c.given                               ? "as the plan says"
          : b.bytes || b.milliseconds || b.drop ? "search: the least loss within the bounds"
                                                : "as asked for";
  }
  if (layer.channels_after < layer.channels_before) {
    out += c.report.pruned ? "; channels that cost least were removed" : "; dead channels were removed";
  }
  return out;
}

}  // namespace

// Before packing: integers are still in plain order.
Status measure_layers(Compression& c) {
  if (c.options.reports.empty()) return {};
  report::CompressionReport& r = c.report;
  r.version = version();
  r.model = file_name(c.options.model);
  r.output = file_name(c.options.output);
  r.asked = format("weights %s, activations %s", to_string(c.options.format.weights),
                   to_string(c.options.format.activations)) +
            bounds(c.options);
  r.pruned = std::any_of(c.plan.channels.begin(), c.plan.channels.end(),
                         [](const plan::ChannelPlan& p) { return static_cast<int64_t>(p.keep.size()) < p.channels; });
  r.samples = c.samples ? c.samples->size() : 0;
  r.macs_before = multiply_adds(c.original);
  r.macs_after = multiply_adds(c.real);
  r.nodes_before = c.original.nodes.size();
  r.nodes_after = c.graph.nodes.size();
  r.weight_bytes_before = constant_bytes(c.original);
  add_verdict(c, r);
  NBL_TRY(const Sensitivity alone, layer_sensitivity(c));
  r.sensitivity_samples = alone.samples;

  std::map<std::string, report::LayerError> errors;
  if (c.fidelity) {
    for (const report::LayerError& e : c.fidelity->layers()) errors.emplace(e.name, e);
  }
  for (const Node& node : c.original.nodes) {
    if (!quantization::has_weights(node)) continue;
    report::LayerFacts layer;
    layer.node = node.name;
    layer.op = op_name(node);
    layer.channels_before = channels(c.original, node);
    layer.macs_before = multiply_adds(c.original, node);
    layer.bytes_before = constant_bytes(c.original, node);
    const Node* real = named(c.real.nodes, node.name, &Node::name);
    layer.removed = real == nullptr;
    if (real) {
      layer.channels_after = channels(c.real, *real);
      layer.macs_after = multiply_adds(c.real, *real);
    }
    if (const auto* d = named(c.decisions, node.name, &quantization::Decision::node)) {
      layer.weights = to_string(d->weights);
      layer.activations = d->activations == quantization::ActivationFormat::real ? "float" : to_string(d->activations);
      layer.reason = d->reason;
    }
    if (const Node* stored = named(c.graph.nodes, node.name, &Node::name))
      layer.group_size = c.graph.desc(stored->inputs[conv_input::weights]).quant.group_size;
    if (layer.weights == "int8" || layer.weights == "int4") layer.rounding = c.rounding_of(node.name);
    if (const auto e = errors.find(c.original.desc(node.outputs[0]).name); e != errors.end()) {
      layer.sqnr_db = e->second.sums.sqnr_db();
      layer.added_noise = e->second.added_noise();
    }
    if (const auto noise = alone.noise.find(node.name); noise != alone.noise.end()) layer.sensitivity = noise->second;
    layer.reason = reason_of(c, layer);
    r.layers.push_back(std::move(layer));
  }
  return add_costs(c, r);
}

void write_reports(Compression& c) {
  if (c.options.reports.empty()) return;
  report::CompressionReport& r = c.report;
  r.file_bytes_before = file_bytes(c.options.model);
  r.weight_bytes_after = constant_bytes(c.graph);
  if (r.memory_before) *r.memory_before += r.weight_bytes_before;
  if (r.memory_after) *r.memory_after += r.weight_bytes_after;
  for (report::LayerFacts& layer : r.layers) {
    if (const Node* stored = named(c.graph.nodes, layer.node, &Node::name))
      layer.bytes_after = constant_bytes(c.graph, *stored);
  }
  for (const std::string& missed : c.missed) r.notes.push_back({"bound missed", missed});
  for (const std::string& path : c.options.reports) {
    const bool page = path.size() >= 5 && path.compare(path.size() - 5, 5, ".html") == 0;
    if (Status status = media::write_file_atomically(path, page ? to_html(r) : to_json(r)); !status)
      c.undone.push_back("--report '" + path + "': " + status.error().message);
  }
}

}  // namespace nibble::compress

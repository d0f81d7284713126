#include "converter/compress/loss_table.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "converter/quantize/formats.h"
#include "converter/rounding/layer_weights.h"
#include "converter/rounding/round_layer.h"
#include "converter/search/simulate.h"
#include "converter/statistics/moments_collector.h"
#include "core/text.h"
#include "core/try.h"
#include "media/progress.h"
#include "ops/op.h"

namespace nibble::compress {
namespace {

using quantization::LayerFormat;
using quantization::WeightFormat;

std::vector<LayerFormat> candidate_formats(const Compression& c) {
  std::vector<LayerFormat> out;
  const WeightFormat asked = c.options.format.weights;
  if (asked == WeightFormat::fp32) return {{WeightFormat::fp32, 0}};
  if (!c.integer_activations()) out.push_back({WeightFormat::fp16, 0});
  if (asked == WeightFormat::fp16) return out;
  out.push_back({WeightFormat::int8, 0});
  for (int32_t g : {32, 64, 128}) out.push_back({WeightFormat::int4, g});
  return out;
}

// Those of them that the layer can have; what choose_format falls back to counts once.
std::vector<LayerFormat> formats_of(const Compression& c, const Node& node, const std::vector<LayerFormat>& wanted) {
  std::vector<LayerFormat> out;
  for (const LayerFormat& f : wanted) {
    quantization::Options options = c.format;
    options.layers[node.name] = f;
    const quantization::Choice choice = quantization::choose_format(c.graph, node, options);
    const LayerFormat granted{choice.format, choice.format == WeightFormat::int4 ? choice.group_size : 0};
    if (std::find(out.begin(), out.end(), granted) == out.end()) out.push_back(granted);
  }
  return out;
}

double up_to_four(int64_t n) { return static_cast<double>((n + 3) / 4 * 4); }

// Bits per byte of a sequence's order-0 entropy.
double entropy_bits(const std::vector<uint8_t>& bytes) {
  std::array<uint64_t, 256> counts{};
  for (uint8_t b : bytes) ++counts[b];
  double bits = 0.0;
  const auto n = static_cast<double>(bytes.size());
  for (uint64_t count : counts) {
    if (count > 0) bits -= static_cast<double>(count) / n * std::log2(static_cast<double>(count) / n);
  }
  return bits;
}

// Sizes after format/packing: blocks of four by four, int4 two a byte, multipliers, per-output numbers.
void set_bytes(const Compression& c, const Node& node, FormatOption& option) {
  const Shape& shape = c.graph.desc(node.inputs[conv_input::weights]).shape;
  const int64_t outputs = shape[0].value(), inputs = shape[1].value();
  const int64_t kernel = shape.size() == 4 ? shape[2].value() * shape[3].value() : 1;
  const bool depthwise = inputs == 1;
  const double weights = up_to_four(outputs) * (depthwise ? 1.0 : up_to_four(inputs)) * static_cast<double>(kernel);
  if (option.format.format == WeightFormat::fp32 || option.format.format == WeightFormat::fp16) {
    option.bytes = weights * (option.format.format == WeightFormat::fp32 ? 4.0 : 2.0);
    option.coded_bytes = 0.9 * option.bytes;
    return;
  }
  const quantization::QuantizedWeights& w = option.rounded.weights;
  // Bias, multiplier and shift of an integer layer; scale and bias of a float one.
  const double numbers = up_to_four(outputs) * (c.integer_activations() ? 9.0 : 8.0);
  std::vector<uint8_t> bytes;
  if (w.groups == 0) {
    for (int8_t v : w.values) bytes.push_back(static_cast<uint8_t>(v));
    option.bytes = weights + numbers;
    option.coded_bytes = weights * entropy_bits(bytes) / 8.0 + numbers;
    return;
  }
  for (int8_t v : w.values) bytes.push_back(static_cast<uint8_t>(v & 15));
  const double multipliers = up_to_four(outputs) * static_cast<double>(w.groups);
  option.bytes = weights / 2.0 + multipliers + numbers;
  option.coded_bytes = weights * entropy_bits(bytes) / 8.0 + multipliers * entropy_bits(w.multipliers) / 8.0 + numbers;
}

Status round_formats(const Compression& c, const statistics::LayerStatistics& moments, LayerOptions& layer) {
  const Node& node = c.graph.nodes[static_cast<size_t>(layer.node)];
  for (FormatOption& option : layer.options) {
    const WeightFormat f = option.format.format;
    if (f == WeightFormat::fp32 || f == WeightFormat::fp16) {
      option.local_error = f == WeightFormat::fp32 ? 0.0 : 1e-7;
    } else {
      rounding::Options options;
      options.propagate = false;
      options.sweeps = 2;
      auto rounded = rounding::round_layer(layer_weights(c, node, option.format), moments.at(layer.node), {}, options);
      if (!rounded) return std::move(rounded).error().with_context("layer '" + layer.name + "'");
      option.rounded = std::move(rounded->layer);
      option.local_error = std::max(rounded->relative_error, 0.0);
    }
    set_bytes(c, node, option);
  }
  return {};
}

}  // namespace

Result<statistics::LayerStatistics> collect_moments(const Compression& c, const std::vector<NodeId>& layers) {
  statistics::MomentsCollector collector(c.graph, layers, {}, {});
  SampleRuns runs(c.graph, *c.samples, c.make_executor);
  const Graph* bound = nullptr;
  media::Progress progress("moments of layers", c.samples->size());
  for (size_t i = 0; i < c.samples->size(); ++i) {
    NBL_TRY(const Graph* now, runs.bind(i));
    if (now != bound) NBL_CHECK(collector.bind(*now));
    bound = now;
    collector.begin(i);
    NBL_CHECK(runs.run(i, collector.observer()));
    NBL_CHECK(collector.end());
    progress.advance();
  }
  progress.finish();
  return collector.take_layers();
}

rounding::LayerWeights layer_weights(const Compression& c, const Node& node, const LayerFormat& format) {
  rounding::LayerWeights out = rounding::unrounded_layer(c.graph, node);
  out.group_size = format.format == WeightFormat::int4 ? format.group_size : 0;
  if (out.group_size == 0)
    out.fixed_scales = quantization::own_scales(c.graph.tensor(node.inputs[conv_input::weights]));
  return out;
}

void apply_selection(const std::vector<LayerOptions>& table, const std::vector<size_t>& selection, bool with_rounding,
                     quantization::Options& format) {
  for (size_t i = 0; i < table.size(); ++i) {
    const FormatOption& option = table[i].options[selection[i]];
    format.layers[table[i].name] = option.format;
    const bool integers = option.format.format == WeightFormat::int8 || option.format.format == WeightFormat::int4;
    if (with_rounding && integers) format.rounded[table[i].name] = option.rounded;
  }
}

Result<search::Divergence> simulated_divergence(const Compression& c, const quantization::Options& format,
                                                const search::DivergenceOracle& oracle, size_t samples) {
  NBL_TRY(const Graph graph, search::simulate(c.graph, c.ranges, format));
  SampleRuns runs(graph, *c.held_out, c.make_executor);
  return oracle.measure([&](size_t i) { return runs.run(i, {}); }, samples);
}

Result<std::vector<LayerOptions>> make_loss_table(const Compression& c, const search::DivergenceOracle& oracle,
                                                  size_t divergence_samples) {
  std::vector<LayerOptions> table;
  const std::vector<LayerFormat> wanted = candidate_formats(c);
  std::vector<NodeId> nodes;
  for (NodeId n : statistics::moment_layers(c.graph)) {
    const Node& node = c.graph.nodes[static_cast<size_t>(n)];
    LayerOptions layer{n, node.name, {}};
    for (const LayerFormat& f : formats_of(c, node, wanted)) layer.options.emplace_back().format = f;
    if (c.graph.desc(node.inputs[conv_input::weights]).type != DType::f32) continue;
    nodes.push_back(n);
    table.push_back(std::move(layer));
  }
  size_t at = 0;
  for (const std::vector<NodeId>& part : statistics::moment_stages(c.graph, nodes, statistics::kMostMomentBytes)) {
    NBL_TRY(const statistics::LayerStatistics moments, collect_moments(c, part));
    for (size_t k = 0; k < part.size(); ++k) NBL_CHECK(round_formats(c, moments, table[at++]));
  }

  // One layer at a time, everything else in float: what reaches the output.
  media::Progress progress("losses of layers", table.size());
  quantization::Options alone = c.format;
  alone.activations = quantization::ActivationFormat::real;
  alone.byte_output.reset();
  alone.keep_wide.clear();  // the options of each layer are already what it grants
  for (LayerOptions& layer : table) {
    for (const LayerOptions& other : table) alone.layers[other.name] = {WeightFormat::fp32, 0};
    alone.rounded.clear();
    const FormatOption& narrowest = layer.options.back();
    const bool integers =
        narrowest.format.format == WeightFormat::int8 || narrowest.format.format == WeightFormat::int4;
    alone.layers[layer.name] = narrowest.format;
    if (integers) alone.rounded[layer.name] = narrowest.rounded;
    NBL_TRY(const search::Divergence d, simulated_divergence(c, alone, oracle, divergence_samples));
    const double factor = d.loss.mean / std::max(narrowest.local_error, 1e-12);
    for (FormatOption& option : layer.options) option.loss = std::max(factor, 1e-9) * option.local_error;
    progress.advance();
  }
  progress.finish();
  return table;
}

}  // namespace nibble::compress

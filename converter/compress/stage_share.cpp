#include <algorithm>
#include <cstdio>

#include "converter/compress/loss_table.h"
#include "converter/compress/stages.h"
#include "converter/quantize/codebook.h"
#include "converter/quantize/equal_weights.h"
#include "converter/quantize/formats.h"
#include "converter/rounding/shared_layers.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

using quantization::WeightFormat;

// Weights of one bit or a bit and a half are an experiment, not a format to ship.
void warn(WeightFormat format) {
  if (format != WeightFormat::ternary && format != WeightFormat::sign) return;
  std::fprintf(stderr,
               "nibble-convert: warning: --weights %s ruins nearly every network that was not trained for it; compare "
               "the result with the original before it is used (nibble-compare)\n",
               to_string(format));
}

// What this stage rounds: weights out of a codebook, and with --sparsity the others too, but for layers that stay wider
// than what was asked for (the first one, depthwise ones): few weights, of which each counts.
bool is_shared(const Compression& c, const Node& node) {
  const quantization::Choice choice = quantization::choose_format(c.graph, node, c.format);
  if (quantization::has_codebook(choice.format)) return true;
  const bool integers = choice.format == WeightFormat::int8 || choice.format == WeightFormat::int4;
  const plan::LayerPlan* before = c.given ? c.given->layer(node.name) : nullptr;
  const std::string& reason = before ? before->reason : choice.reason;
  return c.options.sparsity != rounding::SparsityPattern::dense && integers && reason.empty() &&
         c.graph.desc(node.inputs[conv_input::weights]).shape[1].value() >= 8;
}

// The mean squares of the inputs that each weight of a row is multiplied with.
std::vector<double> importance(const statistics::LayerMoments& m) {
  const auto row = static_cast<size_t>(m.row());
  std::vector<double> out;
  double mean = 0.0;
  for (int64_t g = 0; g < m.groups; ++g) {
    for (size_t k = 0; k < row; ++k) {
      out.push_back(m.square(g, static_cast<int64_t>(k)) / static_cast<double>(std::max<uint64_t>(m.count, 1)));
      mean += out.back();
    }
  }
  mean /= static_cast<double>(out.size());
  // Inputs that were never seen still cost a little, so that their weights stay near what they were.
  for (double& v : out) v += 0.01 * mean + 1e-30;
  return out;
}

// What the given plan says of a layer's weights: 1 for those that are 0. Empty: nothing.
Result<std::vector<uint8_t>> planned_mask(const Compression& c, const std::string& node, size_t weights) {
  std::vector<uint8_t> out;
  if (!c.given) return out;
  for (const plan::MaskPlan& mask : c.given->masks) {
    if (mask.node != node) continue;
    if (mask.kept.size() != weights) {
      return Error{Code::invalid_argument, format("the plan's mask of layer '%s' is for %zu weights, it has %zu",
                                                  node.c_str(), mask.kept.size(), weights)};
    }
    for (const bool kept : mask.kept) out.push_back(kept ? 0 : 1);
    return out;
  }
  return Error{Code::not_found, "the plan has no mask for layer '" + node + "'"};
}

// The one mask of layers with equal weights, which are stored once.
Result<std::vector<uint8_t>> planned_mask(const Compression& c, const std::vector<NodeId>& alike, size_t weights) {
  const auto name = [&](NodeId id) -> const std::string& { return c.graph.nodes[static_cast<size_t>(id)].name; };
  NBL_TRY(std::vector<uint8_t> out, planned_mask(c, name(alike.front()), weights));
  for (NodeId id : alike) {
    NBL_TRY(const std::vector<uint8_t> own, planned_mask(c, name(id), weights));
    if (own == out) continue;
    return Error{Code::invalid_argument, format("the plan's masks of layers '%s' and '%s' differ, whose weights are "
                                                "the same: give both the same mask",
                                                name(alike.front()).c_str(), name(id).c_str())};
  }
  return out;
}

void note_mask(Compression& c, const std::string& node, const std::vector<uint8_t>& pruned) {
  plan::MaskPlan mask{node, to_string(c.options.sparsity), static_cast<int64_t>(pruned.size()), {}};
  for (const uint8_t gone : pruned) mask.kept.push_back(gone == 0);
  c.plan.masks.push_back(std::move(mask));
}

// Layers with equal weights get one rounding and one codebook.
Status round_alike(Compression& c, const std::vector<NodeId>& ids, rounding::SharedLayers& layers,
                   const rounding::Options& options) {
  const Node& node = c.graph.nodes[static_cast<size_t>(ids.front())];
  const quantization::Choice choice = quantization::choose_format(c.graph, node, c.format);
  rounding::LayerWeights& layer = layers.layer();
  quantization::QuantizedWeights shared;
  std::vector<uint8_t> mask;
  if (quantization::has_codebook(choice.format)) {
    shared = quantization::round_shared(choice.format, layer.weights, layer.outputs, layer.inputs, layer.kernel,
                                        layer.groups, importance(layers.moments()));
    layer.shared = &shared;
    layer.fixed_scales = {};
  } else {
    NBL_TRY(mask, planned_mask(c, ids, layer.weights.size()));
    layer.sparsity = c.options.sparsity;
    layer.pruned = mask;
  }
  auto rounded = layers.round(options);
  if (!rounded) return std::move(rounded).error().with_context("layer '" + node.name + "'");
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string& name = c.graph.nodes[static_cast<size_t>(ids[i])].name;
    if (!(*rounded)[i].pruned.empty()) note_mask(c, name, (*rounded)[i].pruned);
    c.format.rounded[name] = std::move((*rounded)[i].layer);
  }
  return {};
}

}  // namespace

Status share_weights(Compression& c) {
  c.plan.masks.clear();
  if (c.given && !c.given->masks.empty() && c.options.sparsity == rounding::SparsityPattern::dense)
    return Error{Code::invalid_argument, "the plan has masks, but its recipe says sparsity 'dense'"};
  warn(c.options.format.weights);
  if (c.options.sparsity != rounding::SparsityPattern::dense && quantization::has_codebook(c.options.format.weights)) {
    return Error{Code::invalid_argument, "--sparsity goes with int8 and int4 weights: a codebook need not have a zero"};
  }
  const bool by_weights = c.options.rounding.method == rounding::Method::hqq;
  if (!c.samples || by_weights) {  // quantize() finds codebooks by the weights alone
    if (c.options.sparsity == rounding::SparsityPattern::dense) return {};
    return Error{Code::invalid_argument, by_weights
                                             ? "--sparsity chooses by what samples say, --rounding hqq by the weights "
                                               "alone: leave one away"
                                             : "--sparsity needs samples: give --calibrate PATH"};
  }
  std::vector<NodeId> layers;
  for (NodeId id : statistics::moment_layers(c.graph)) {
    const Node& node = c.graph.nodes[static_cast<size_t>(id)];
    if (is_shared(c, node)) layers.push_back(id);
  }
  rounding::Options options = c.options.rounding;
  options.propagate = false;
  const std::vector<std::vector<NodeId>> alike = quantization::group_by_weights(c.graph, layers, c.format);
  layers.clear();  // those with equal weights behind one another
  for (const std::vector<NodeId>& group : alike) layers.insert(layers.end(), group.begin(), group.end());
  size_t at = 0, added = 0;
  rounding::SharedLayers open(options.bias_correction);
  for (const std::vector<NodeId>& part : statistics::moment_stages(c.graph, layers, statistics::kMostMomentBytes)) {
    NBL_TRY(statistics::LayerStatistics moments, collect_moments(c, part));
    for (NodeId id : part) {
      const Node& node = c.graph.nodes[static_cast<size_t>(id)];
      const quantization::Choice choice = quantization::choose_format(c.graph, node, c.format);
      open.add(layer_weights(c, node, {choice.format, choice.group_size}), std::move(moments.at(id)));
      if (++added < alike[at].size()) continue;
      NBL_CHECK(round_alike(c, alike[at], open, options));
      open = rounding::SharedLayers(options.bias_correction);
      added = 0;
      ++at;
    }
  }
  for (const plan::MaskPlan& mask : c.given ? c.given->masks : std::vector<plan::MaskPlan>{}) {
    if (std::none_of(c.plan.masks.begin(), c.plan.masks.end(), [&](const auto& m) { return m.node == mask.node; }))
      return Error{Code::not_found, "the plan has a mask for layer '" + mask.node + "', which takes none"};
  }
  return {};
}

}  // namespace nibble::compress

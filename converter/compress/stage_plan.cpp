#include <cstdio>
#include <span>

#include "converter/compress/recipe.h"
#include "converter/compress/stages.h"
#include "converter/quantize/formats.h"
#include "converter/statistics/moments_file.h"
#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

using quantization::WeightFormat;

Result<WeightFormat> weight_format(const std::string& text, const std::string& node) {
  for (WeightFormat f : quantization::kWeightFormats) {
    if (text == to_string(f)) return f;
  }
  return Error{Code::invalid_argument, "the plan's layer '" + node + "': weights '" + text + "' are not known"};
}

std::string checksum_of_names(const media::SampleSet& set) {
  uint32_t crc = 0;
  for (size_t i = 0; i < set.size(); ++i) {
    const std::string name = set.name(i) + "\n";
    crc = crc32c(std::as_bytes(std::span(name)), crc);
  }
  return format("%08x", crc);
}

}  // namespace

Status read_plan(Compression& c) {
  if (c.options.plan.empty()) return {};
  if (!c.options.stats.empty()) {
    NBL_TRY(c.options.stats_checksum, statistics::checksum(c.options.stats));
  }
  NBL_TRY(c.given, plan::read(c.options.plan));
  const std::map<std::string, std::string> asked = recipe_of(c.options);
  if (Status status = apply_recipe(c.given->recipe, c.options); !status)
    return std::move(status).error().with_context("plan '" + c.options.plan + "'");
  if (!c.options.stats_checksum.empty() && c.options.stats.empty()) {
    return Error{Code::invalid_argument, format("plan '%s' rounds by statistics, a file with the checksum %s: give it "
                                                "with --stats",
                                                c.options.plan.c_str(), c.options.stats_checksum.c_str())};
  }
  for (const auto& [name, value] : asked) {
    const std::string& planned = c.given->recipe.at(name);
    if (value == planned || (!c.options.given.contains(name) && !c.options.given.contains("no-" + name))) continue;
    return Error{Code::invalid_argument, format("plan '%s' was made with %s '%s', the command line says '%s': leave "
                                                "the option away, or make a new plan",
                                                c.options.plan.c_str(), name.c_str(), planned.c_str(), value.c_str())};
  }
  c.format = c.options.format;
  c.format.keep_wide.clear();  // what they did is in the plan's layers
  return {};
}

Status check_plan(Compression& c) {
  c.plan.network = plan::fingerprint(c.original);
  if (!c.given) return {};
  NBL_CHECK(plan::check_fits(*c.given, c.original));
  for (const plan::LayerPlan& l : c.given->layers) {
    NBL_TRY(const WeightFormat weights, weight_format(l.weights, l.node));
    const bool grouped = weights == WeightFormat::int4;
    if (grouped ? l.group_size != 32 && l.group_size != 64 && l.group_size != 128 : l.group_size != 0) {
      return Error{Code::invalid_argument, format("the plan's layer '%s': a group size of %d does not go with %s",
                                                  l.node.c_str(), l.group_size, l.weights.c_str())};
    }
    if (c.format.power_of_two && quantization::has_codebook(weights)) {
      return Error{Code::invalid_argument, format("the plan's layer '%s': %s weights do not go with scales that are "
                                                  "powers of two",
                                                  l.node.c_str(), l.weights.c_str())};
    }
    c.format.layers[l.node] = {weights, l.group_size};
  }
  return {};
}

Status repeat_ranges(Compression& c) {
  // Names may occur more than once; the k-th of the plan is the k-th of the network.
  std::map<std::string, std::vector<TensorId>> tensors;
  for (size_t i = 0; i < c.graph.tensors.size(); ++i)
    tensors[c.graph.tensors[i].desc.name].push_back(static_cast<TensorId>(i));
  std::map<std::string, size_t> taken;
  for (const plan::RangePlan& r : c.given->ranges) {
    const std::vector<TensorId>& ids = tensors[r.tensor];
    const size_t k = taken[r.tensor]++;
    if (k >= ids.size())
      return Error{Code::not_found, "the plan has a range for the tensor '" + r.tensor + "', which is not there"};
    c.ranges[ids[k]] = {r.low, r.high};
  }
  if (quantization::has_own_scales(c.graph)) return {};
  for (const Node& node : c.graph.nodes) {
    if (!quantization::has_weights(node) || c.ranges.contains(node.outputs[0])) continue;
    return Error{Code::not_found, "the plan has no range for the tensor '" + c.graph.desc(node.outputs[0]).name +
                                      "', which layer '" + node.name + "' makes"};
  }
  return {};
}

Status note_ranges(Compression& c) {
  c.plan.ranges.clear();
  if (c.given) {
    c.plan.ranges = c.given->ranges;
    return {};
  }
  // A name's earlier tensors may have no range: those of the plan would then be counted from the wrong one.
  std::map<std::string, size_t> skipped;
  for (size_t i = 0; i < c.graph.tensors.size(); ++i) {
    const std::string& name = c.graph.tensors[i].desc.name;
    const auto range = c.ranges.find(static_cast<TensorId>(i));
    if (range == c.ranges.end()) {
      ++skipped[name];
      continue;
    }
    if (skipped[name] > 0) return Error{Code::internal, "two tensors are called '" + name + "'"};
    const auto method = c.range_methods.find(static_cast<TensorId>(i));
    c.plan.ranges.push_back({name, range->second.low, range->second.high,
                             method == c.range_methods.end() ? to_string(c.options.ranges.method) : method->second});
  }
  return {};
}

Status complete_plan(Compression& c) {
  c.plan.recipe = recipe_of(c.options);
  if (c.samples) {
    c.plan.samples = c.samples->size();
    c.plan.sample_names = checksum_of_names(c.samples->set);
  }
  if (c.given && (c.given->samples != c.plan.samples || c.given->sample_names != c.plan.sample_names)) {
    std::fprintf(stderr, "nibble-convert: the plan was made with other samples (%llu, here %llu): values may differ\n",
                 static_cast<unsigned long long>(c.given->samples), static_cast<unsigned long long>(c.plan.samples));
  }
  c.plan.layers.clear();
  for (quantization::Decision& d : c.decisions) {
    const plan::LayerPlan* before = c.given ? c.given->layer(d.node) : nullptr;
    if (c.given && !before) return Error{Code::not_found, "the plan says nothing of layer '" + d.node + "'"};
    if (before) d.reason = before->reason;
    c.plan.layers.push_back({d.node, to_string(d.weights), d.group_size, c.rounding_of(d.node), d.reason});
  }
  return {};
}

}  // namespace nibble::compress

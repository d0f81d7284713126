#include <algorithm>
#include <cstdio>

#include "converter/compress/pruning_inputs.h"
#include "converter/compress/stages.h"
#include "converter/prune/pruner.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"

namespace nibble::compress {
namespace {

uint64_t total_macs(const Graph& graph) {
  uint64_t out = 0;
  for (const Node& node : graph.nodes) out += multiply_adds(graph, node);
  return out;
}

void print_groups(const prune::PruneReport& report) {
  for (const prune::KeptChannels& kept : report.kept) {
    if (static_cast<int64_t>(kept.keep.size()) == kept.channels) continue;
    std::printf("     '%s': %zu of %lld channels\n", kept.group.c_str(), kept.keep.size(),
                static_cast<long long>(kept.channels));
  }
  for (const prune::Frozen& frozen : report.frozen) {
    std::printf("     '%s': %lld channels kept whole: %s\n", frozen.node.c_str(),
                static_cast<long long>(frozen.channels), frozen.reason.c_str());
  }
}

}  // namespace

Status prune_channels(Compression& c) {
  const bool repeats = c.given && !c.given->channels.empty();
  if (!c.budget.multiply_adds && !repeats) return {};
  if (!c.samples) return Error{Code::invalid_argument, "removing channels needs samples: give --calibrate PATH"};
  const auto all = static_cast<double>(total_macs(c.original));
  const double bound = c.budget.multiply_adds ? c.budget.multiply_adds->of(all) : 0.0;
  if (!repeats && static_cast<double>(total_macs(c.graph)) <= bound) return {};

  prune::PruneOptions options = c.options.prune;
  options.integer_activations = c.integer_activations();
  NBL_TRY(const std::unique_ptr<prune::Pruner> pruner,
          prune::Pruner::make(c.graph, pruning_inputs(*c.samples), options));
  prune::PruneReport report;
  if (repeats) {
    std::vector<prune::KeptChannels> kept;
    for (const plan::ChannelPlan& p : c.given->channels) kept.push_back({p.group, p.channels, p.keep});
    NBL_TRY(c.graph, pruner->repeat(kept, report));
  } else {
    auto keep = pruner->choose(static_cast<uint64_t>(bound));
    if (!keep) return std::move(keep).error().with_context("--max-macs " + c.options.max_macs);
    NBL_TRY(c.graph, pruner->prune_to(*keep, report));
  }
  c.plan.channels.clear();
  for (const prune::KeptChannels& kept : report.kept) c.plan.channels.push_back({kept.group, kept.channels, kept.keep});
  std::printf("multiply-adds %.1f M -> %.1f M (%.1f %%), divergence of the outputs %.4f\n", all / 1e6,
              static_cast<double>(report.macs_after) / 1e6, 100.0 * static_cast<double>(report.macs_after) / all,
              report.divergence);
  print_groups(report);
  return {};
}

}  // namespace nibble::compress

#include <algorithm>
#include <cstdio>
#include <memory>

#include "converter/compress/kept_channels.h"
#include "converter/compress/pruning_inputs.h"
#include "converter/compress/stages.h"
#include "converter/prune/block_search.h"
#include "converter/prune/split_activations.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

// What is going on, where it takes longer than a moment.
class Lines {
 public:
  void operator()(const std::string& task, size_t done, size_t total) {
    if (!progress_ || task != task_ || done < done_) {
      progress_ = std::make_shared<media::Progress>(task, total);
      task_ = task;
      done_ = 0;
    }
    progress_->advance(done - done_);
    done_ = done;
  }

 private:
  std::shared_ptr<media::Progress> progress_;  // ends an open line
  std::string task_;
  size_t done_ = 0;
};

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

void note_blocks(Compression& c, const prune::Removal& removal) {
  if (!removal.why_no_blocks.empty()) c.report.frozen.push_back({"residual branches", removal.why_no_blocks});
  for (const prune::BlockTrial& t : removal.trials) {
    if (t.alone < 0.0) continue;
    std::string text =
        format("residual branch of influence %.3f, %.2f M multiply-adds: outputs diverge by %.4f without it",
               t.influence, static_cast<double>(t.multiply_adds) / 1e6, t.alone);
    if (t.with_channels >= 0.0) text += format(", by %.4f with channels removed to the bound", t.with_channels);
    if (removal.channels_alone >= 0.0) text += format(", by %.4f with channels alone", removal.channels_alone);
    c.report.notes.push_back({t.add, text + (t.removed ? ": removed" : ": stays")});
    std::printf("     '%s': %s\n", t.add.c_str(), c.report.notes.back().text.c_str());
  }
}

// The decisions of the given plan again.
Result<Graph> repeat(const Compression& c, const prune::PruneOptions& options, prune::PruneReport& report) {
  const prune::SampleInputs samples = pruning_inputs(*c.samples);
  NBL_TRY(Graph graph, prune::split_activations(c.graph));
  if (!c.given->removed_blocks.empty()) {
    NBL_TRY(graph, prune::remove_blocks(graph, c.given->removed_blocks, samples, options.compensate));
  }
  NBL_TRY(const std::unique_ptr<prune::Pruner> pruner, prune::Pruner::make(graph, samples, options));
  std::vector<prune::KeptChannels> kept;
  for (const plan::ChannelPlan& p : c.given->channels) kept.push_back({p.group, p.channels, p.keep});
  return pruner->repeat(kept, report);
}

Result<Graph> decide(Compression& c, uint64_t bound, const prune::PruneOptions& options, prune::PruneReport& report) {
  NBL_TRY(const prune::Removal removal, prune::choose_removal(c.graph, pruning_inputs(*c.samples), bound, options));
  c.plan.removed_blocks = removal.blocks;
  note_blocks(c, removal);
  return prune::apply_removal(removal, report);
}

}  // namespace

Status prune_channels(Compression& c) {
  const bool repeats = c.given && !c.given->channels.empty();
  if (!c.budget.multiply_adds && !repeats) return {};
  if (!c.samples) return Error{Code::invalid_argument, "removing channels needs samples: give --calibrate PATH"};
  const auto all = static_cast<double>(multiply_adds(c.original));
  const double bound = c.budget.multiply_adds ? c.budget.multiply_adds->of(all) : 0.0;
  if (!repeats && static_cast<double>(multiply_adds(c.graph)) <= bound) return {};

  prune::PruneOptions options = c.options.prune;
  options.integer_activations = c.integer_activations();
  options.watch = [lines = std::make_shared<Lines>()](const std::string& task, size_t done, size_t total) {
    (*lines)(task, done, total);
  };
  prune::PruneReport report;
  c.plan.removed_blocks.clear();
  const Graph before = c.graph;
  if (repeats) {
    NBL_TRY(c.graph, repeat(c, options, report));
    c.plan.removed_blocks = c.given->removed_blocks;
  } else {
    auto pruned = decide(c, static_cast<uint64_t>(bound), options, report);
    if (!pruned) return std::move(pruned).error().with_context("--max-macs " + c.options.max_macs);
    c.graph = *std::move(pruned);
  }
  c.plan.channels.clear();
  for (const prune::KeptChannels& kept : report.kept) c.plan.channels.push_back({kept.group, kept.channels, kept.keep});
  for (auto& [tensor, kept] : kept_channels(before, c.plan.channels)) {
    const auto earlier = c.kept.find(tensor);  // indices among what dead channels left
    if (earlier != c.kept.end())
      for (int64_t& index : kept) index = earlier->second[static_cast<size_t>(index)];
    c.kept[tensor] = std::move(kept);
  }
  c.report.frozen.clear();
  for (const prune::Frozen& frozen : report.frozen) {
    c.report.frozen.push_back(
        {frozen.node, format("%lld channels: %s", static_cast<long long>(frozen.channels), frozen.reason.c_str())});
  }
  std::printf("multiply-adds %.1f M -> %.1f M (%.1f %%), divergence of the outputs %.4f\n", all / 1e6,
              static_cast<double>(report.macs_after) / 1e6, 100.0 * static_cast<double>(report.macs_after) / all,
              report.divergence);
  print_groups(report);
  return {};
}

}  // namespace nibble::compress

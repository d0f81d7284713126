#include "converter/prune/block_search.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "converter/prune/split_activations.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::prune {
namespace {

constexpr size_t kFolds = 3, kValidated = 192, kTried = 3;
constexpr double kBeyond = 1.1;  // of what is asked for: more than that a branch may not take

// Judges removals on samples that took no part in fitting what remains.
class Validation {
 public:
  static Result<Validation> make(const Graph& graph, const SampleInputs& samples) {
    Validation out;
    out.graph_ = &graph;
    const size_t count = std::min(samples.count, kValidated);
    for (size_t fold = 0; fold < kFolds; ++fold) {
      std::vector<size_t> fitted, judged;
      for (size_t i = 0; i < count; ++i) (i % kFolds == fold ? judged : fitted).push_back(i * samples.count / count);
      out.folds_.push_back(std::make_unique<Fold>());
      Fold& f = *out.folds_.back();
      f.fitted = selected_samples(samples, fitted);
      f.judged = selected_samples(samples, judged);
      NBL_TRY(f.divergence, Divergence::make(graph, f.judged, 0, judged.size()));
    }
    return out;
  }

  // `removed`: channels of the groups of what remains without the blocks.
  Result<double> of(const std::vector<std::string>& blocks, const std::vector<const Channel*>& removed) const {
    double sum = 0.0;
    for (const auto& fold : folds_) {
      Graph without = *graph_;
      if (!blocks.empty()) {
        NBL_TRY(without, remove_blocks(*graph_, blocks, fold->fitted, true));
      }
      NBL_TRY(PrunedGraph pruned, prune_plainly(without, removed));
      if (!removed.empty()) NBL_CHECK(fit_layers(without, pruned, fold->fitted, {}));
      NBL_TRY(const double divergence, fold->divergence.of(pruned.graph));
      sum += divergence;
    }
    return sum / static_cast<double>(folds_.size());
  }

 private:
  struct Fold {
    SampleInputs fitted, judged;
    Divergence divergence;
  };
  const Graph* graph_ = nullptr;
  std::vector<std::unique_ptr<Fold>> folds_;  // a divergence points to its samples
};

Status prune_channels_to(Removal& removal, uint64_t target) {
  NBL_TRY(removal.keep, removal.pruner->choose(target));
  return {};
}

// The branch that is worth trying next to those already gone; nothing where each alone costs more than `best`.
Result<std::optional<size_t>> next_branch(const Validation& validation, const std::vector<std::string>& gone,
                                          std::vector<BlockTrial>& trials, uint64_t most, double best) {
  std::optional<size_t> out;
  double least = 0.0;
  size_t tried = 0;
  for (size_t t = 0; t < trials.size() && tried < kTried; ++t) {
    if (trials[t].removed || trials[t].with_channels >= 0.0 || trials[t].multiply_adds > most) continue;
    ++tried;
    std::vector<std::string> blocks = gone;
    blocks.push_back(trials[t].add);
    NBL_TRY(trials[t].alone, validation.of(blocks, {}));
    const double price = trials[t].alone / static_cast<double>(trials[t].multiply_adds);
    if (trials[t].alone >= best || (out && price >= least)) continue;
    out = t;
    least = price;
  }
  return out;
}

}  // namespace

Result<Removal> choose_removal(const Graph& graph, const SampleInputs& given, uint64_t target,
                               const PruneOptions& options) {
  Removal out;
  const SampleInputs samples = cached_samples(given);
  NBL_TRY(out.without_blocks, split_activations(graph));
  NBL_TRY(out.pruner, Pruner::make(out.without_blocks, samples, options));
  const Status reached = prune_channels_to(out, target);
  const uint64_t all = out.pruner->macs();
  std::vector<Block> blocks = find_blocks(out.without_blocks);
  if (!options.blocks || options.metric != Metric::obs || !options.compensate || samples.count < 2 * kFolds)
    blocks.clear();
  if (!blocks.empty() && out.pruner->scarce()) {
    out.why_no_blocks = format(
        "%zu residual branches stay: outputs on %zu samples, fewer than classes, do not tell what "
        "a branch is worth",
        blocks.size(), samples.count);
    blocks.clear();
  }
  if (blocks.empty() || all <= target) {
    if (!reached) return reached.error();
    return out;
  }

  const Graph original = out.without_blocks;
  NBL_CHECK(block_influence(original, samples, blocks));
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Block& a, const Block& b) { return a.influence < b.influence; });
  for (const Block& b : blocks) out.trials.push_back({b.add, b.influence, b.multiply_adds, -1.0, -1.0, false});
  NBL_TRY(const Validation validation, Validation::make(original, samples));
  double best = std::numeric_limits<double>::infinity();
  if (reached) {
    NBL_TRY(best, validation.of({}, out.pruner->removed(out.keep)));
    out.channels_alone = best;
  }
  Status status = reached;
  for (;;) {
    const uint64_t left = out.pruner->macs();
    const auto most = static_cast<uint64_t>(kBeyond * static_cast<double>(left - std::min(left, target)));
    NBL_TRY(const std::optional<size_t> at, next_branch(validation, out.blocks, out.trials, most, best));
    if (!at) break;
    BlockTrial& trial = out.trials[*at];
    Removal next;
    next.blocks = out.blocks;
    next.blocks.push_back(trial.add);
    NBL_TRY(next.without_blocks, remove_blocks(original, next.blocks, samples, true));
    NBL_TRY(next.pruner, Pruner::make(next.without_blocks, samples, options));
    const Status fits = prune_channels_to(next, target);
    if (!fits && reached) break;
    NBL_TRY(trial.with_channels, validation.of(next.blocks, next.pruner->removed(next.keep)));
    if (fits && trial.with_channels >= best) break;
    trial.removed = true;
    status = fits;
    if (fits) best = trial.with_channels;
    out.blocks = std::move(next.blocks);
    out.without_blocks = std::move(next.without_blocks);
    out.pruner = std::move(next.pruner);
    out.keep = std::move(next.keep);
  }
  if (!status) return status.error();
  return out;
}

Result<Graph> apply_removal(const Removal& removal, PruneReport& report) {
  NBL_TRY(Graph out, removal.pruner->prune_to(removal.keep, report));
  for (const BlockTrial& trial : removal.trials) {
    if (trial.removed) report.divergence = trial.with_channels;
  }
  return out;
}

}  // namespace nibble::prune

#include "converter/prune/block_search.h"

#include <algorithm>
#include <cmath>
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

// What channels lose when they take the rest of `needed` multiply-adds behind a branch of `saved`, of what they lose
// for all of it: at least the square of that share, as losses of removal grow faster than what is removed.
double rest_of_loss(uint64_t saved, uint64_t needed) {
  const double rest =
      1.0 - std::min(1.0, static_cast<double>(saved) / static_cast<double>(std::max<uint64_t>(needed, 1)));
  return rest * rest;
}

// Judges removals on samples that took no part in fitting what remains.
class Validation {
 public:
  static Result<Validation> make(const Graph& graph, const SampleInputs& samples, const Watch& watch) {
    Validation out;
    out.watch_ = watch;
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

  // Over the first `folds` folds. `removed`: channels of the groups of what remains without the blocks.
  Result<double> of(const std::vector<std::string>& blocks, const std::vector<const Channel*>& removed,
                    size_t folds = kFolds) const {
    double sum = 0.0;
    for (size_t at = 0; at < folds; ++at) {
      const auto& fold = folds_[at];
      Graph without = *graph_;
      if (!blocks.empty()) {
        NBL_TRY(without, remove_blocks(*graph_, blocks, fold->fitted, true, watch_));
      }
      NBL_TRY(PrunedGraph pruned, prune_plainly(without, removed));
      if (!removed.empty()) NBL_CHECK(fit_layers(without, pruned, fold->fitted, {.watch = watch_}));
      NBL_TRY(const double divergence, fold->divergence.of(pruned.graph));
      sum += divergence;
    }
    return sum / static_cast<double>(folds);
  }

 private:
  struct Fold {
    SampleInputs fitted, judged;
    Divergence divergence;
  };
  const Graph* graph_ = nullptr;
  Watch watch_;
  std::vector<std::unique_ptr<Fold>> folds_;  // a divergence points to its samples
};

// Whether channels alone bring what is left to `target`.
Result<bool> prune_channels_to(Removal& removal, uint64_t target) {
  NBL_TRY(removal.keep, removal.pruner->choose(target));
  return removal.pruner->macs(removal.keep) <= target;
}

// The branch that is worth trying next to those already gone, by one fold; nothing where each costs so much alone that
// with the channels that are to follow it would cost more than `best` does.
Result<std::optional<size_t>> next_branch(const Validation& validation, const std::vector<std::string>& gone,
                                          std::vector<BlockTrial>& trials, uint64_t needed, double best) {
  const auto most = static_cast<uint64_t>(kBeyond * static_cast<double>(needed));
  std::optional<size_t> out;
  double least = 0.0;
  size_t tried = 0;
  for (size_t t = 0; t < trials.size() && tried < kTried; ++t) {
    if (trials[t].removed || trials[t].with_channels >= 0.0 || trials[t].multiply_adds > most) continue;
    ++tried;
    std::vector<std::string> blocks = gone;
    blocks.push_back(trials[t].add);
    NBL_TRY(trials[t].alone, validation.of(blocks, {}, 1));
    const double price = trials[t].alone / static_cast<double>(trials[t].multiply_adds);
    const bool hopeless =
        std::isfinite(best) && trials[t].alone + rest_of_loss(trials[t].multiply_adds, needed) * best >= best;
    if (hopeless || (out && price >= least)) continue;
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
  NBL_TRY(bool reached, prune_channels_to(out, target));
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
  if (blocks.empty() || all <= target) return out;

  const Graph original = out.without_blocks;
  NBL_CHECK(block_influence(original, samples, blocks));
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Block& a, const Block& b) { return a.influence < b.influence; });
  for (const Block& b : blocks) out.trials.push_back({b.add, b.influence, b.multiply_adds, -1.0, -1.0, false});
  NBL_TRY(const Validation validation, Validation::make(original, samples, options.watch));
  // By the first fold, which looks at every branch, and by all of them, which decide.
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  double first = kUnknown, best = kUnknown;
  if (reached) {
    NBL_TRY(first, validation.of({}, out.pruner->removed(out.keep), 1));
    out.channels_alone = first;
  }
  for (;;) {
    const uint64_t left = out.pruner->macs();
    NBL_TRY(const std::optional<size_t> at,
            next_branch(validation, out.blocks, out.trials, left - std::min(left, target), first));
    if (!at) break;
    BlockTrial& trial = out.trials[*at];
    Removal next;
    next.blocks = out.blocks;
    next.blocks.push_back(trial.add);
    NBL_TRY(next.without_blocks, remove_blocks(original, next.blocks, samples, true, options.watch));
    NBL_TRY(next.pruner, Pruner::make(next.without_blocks, samples, options));
    NBL_TRY(const bool fits, prune_channels_to(next, target));
    if (!fits && reached) break;
    const std::vector<const Channel*> channels = next.pruner->removed(next.keep);
    if (reached && best == kUnknown) {
      NBL_TRY(best, validation.of(out.blocks, out.pruner->removed(out.keep)));
      if (out.blocks.empty()) out.channels_alone = best;
    }
    NBL_TRY(trial.with_channels, validation.of(next.blocks, channels));
    if (reached && trial.with_channels >= best) break;
    trial.removed = true;
    if (fits) {
      reached = true;
      best = trial.with_channels;
      NBL_TRY(first, validation.of(next.blocks, channels, 1));
    }
    out.blocks = std::move(next.blocks);
    out.without_blocks = std::move(next.without_blocks);
    out.pruner = std::move(next.pruner);
    out.keep = std::move(next.keep);
  }
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

// What a network loses for a bound on its multiply-adds: channels, and whole residual branches where those cost less.
#pragma once

#include "converter/prune/blocks.h"
#include "converter/prune/pruner.h"

namespace nibble::prune {

// A branch that was looked at, and what became of it.
struct BlockTrial {
  std::string add;
  double influence = 0.0;      // see Block
  uint64_t multiply_adds = 0;  // that it takes
  double alone = 0.0;          // divergence without it on one fold, nothing else removed; negative: not measured
  double with_channels = 0.0;  // over all folds, with channels removed down to the bound; negative: not measured
  bool removed = false;
};

struct Removal {
  std::vector<std::string> blocks;  // names of sums, see cut_blocks()
  std::vector<BlockTrial> trials;
  double channels_alone = -1.0;    // divergence with channels alone at the bound, on one fold where no branch got
                                   // to be tried with channels, else on all; negative: not measured
  std::string why_no_blocks;       // where branches were not considered
  Graph without_blocks;            // split activations, layers fitted
  std::unique_ptr<Pruner> pruner;  // of that
  std::vector<int64_t> keep;       // channels of the pruner's groups
};

// At most `target` multiply-adds, or as few as there can be where that is out of reach. Channels alone first. Then the
// branches of least influence are taken out one at a time, what is missing to the target is taken from channels, and a
// branch goes for good where the network then diverges less at the same bound. Divergences are means over three folds
// of at most 192 samples: layers are fitted on two of them, outputs compared on the third. The first fold alone tells
// which branches are worth that. With fewer samples than classes branches stay (outputs on the samples would not tell).
Result<Removal> choose_removal(const Graph& graph, const SampleInputs& samples, uint64_t target,
                               const PruneOptions& options);

// The network that was chosen. Its divergence is the validated one where branches were removed.
Result<Graph> apply_removal(const Removal& removal, PruneReport& report);

}  // namespace nibble::prune

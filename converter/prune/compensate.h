// Makes up for what was removed: weights that are fitted anew to the original network's sums.
#pragma once

#include "converter/prune/importance.h"
#include "converter/prune/remove_channels.h"
#include "converter/prune/sample_inputs.h"

namespace nibble::prune {

struct PrunedGraph {
  Graph graph;                          // node ids as in the original; tensor ids too, new constants behind them
  std::vector<const Channel*> removed;  // channels of the original's groups
  std::vector<NodeId> cut;              // sums that have become one of their inputs, see blocks.h
};

// At once, from the original's moments: each layer that lost columns gets the weights that are best on what is left,
// W C_{:,K} (C_KK + lambda I)^-1 with centred covariance C, and the bias that keeps the mean. Cheap, for the search.
Result<PrunedGraph> prune_with_moments(const Graph& original, std::vector<const Channel*> removed,
                                       const Moments& moments);
// Removal alone.
Result<PrunedGraph> prune_plainly(const Graph& original, std::vector<const Channel*> removed);

struct FitOptions {
  int64_t rows = 400000;        // output positions of all samples together that a layer is fitted on, about
  bool restore_spread = false;  // see restore_spread()
  bool residual = true;         // a branch that is added to a stream also makes up for what the stream has lost
  Watch watch;                  // may be empty
};
struct FittedLayer {
  std::string node;
  double error_before = 0.0, error_after = 0.0;  // of the original's variance, on the other half of the samples
};

// Layer after layer, from the input on: what the layer reads in the pruned network against the sums it formed in the
// original one (the two stages of He, Zhang and Sun 2017), by least squares. Both graphs have split activations.
Result<std::vector<FittedLayer>> fit_layers(const Graph& original, PrunedGraph& pruned, const SampleInputs& samples,
                                            const FitOptions& options);

}  // namespace nibble::prune

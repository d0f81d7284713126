// Structural pruning of a float network from unlabelled samples: what each group of channels can lose, what that costs,
// and the network with given numbers of channels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "converter/prune/compensate.h"
#include "converter/prune/divergence.h"
#include "converter/prune/importance.h"

namespace nibble::prune {

struct PruneOptions {
  Metric metric = Metric::obs;
  bool compensate = true;             // fit the remaining weights to the original's sums
  bool statistics_correction = true;  // then mean and spread of each channel, where that helps held-out samples
  size_t divergence_samples = 0;      // samples on which candidates are compared; 0: by the size of the network
  bool progress = false;              // lines on stderr
};

// What one group of channels can be cut to.
struct GroupChoices {
  std::string name;
  int64_t channels = 0;
  std::vector<int64_t> keep;    // channels kept, descending; the first is all of them
  std::vector<double> loss;     // divergence of the network's outputs when only this group is cut (see Divergence)
  std::vector<uint64_t> macs;   // multiply-adds of the network when only this group is cut
  std::vector<uint64_t> bytes;  // of its float weights
};

struct PruneReport {
  uint64_t macs_before = 0, macs_after = 0;
  double divergence = 0.0;                                                // of the result, on samples used for choosing
  std::vector<std::pair<std::string, std::pair<int64_t, int64_t>>> kept;  // group: channels kept, of how many
  std::vector<FittedLayer> fitted;
};

class Pruner {
 public:
  // `samples` is used as long as the pruner lives. Runs the network over all samples once.
  static Result<std::unique_ptr<Pruner>> make(const Graph& graph, SampleInputs samples, const PruneOptions& options);

  const AxisGroups& groups() const { return groups_; }
  // Cuts each group by itself, on few samples; groups that cannot be cut have one choice. Computed once.
  Result<const std::vector<GroupChoices>*> choices();

  // Multiply-adds of the network with these numbers of channels (one per group).
  uint64_t macs(const std::vector<int64_t>& keep) const;
  uint64_t macs() const { return macs_; }

  // Numbers of channels for at most `target` multiply-adds, by the least loss per multiply-add saved. An error names
  // the smallest number that can be reached.
  Result<std::vector<int64_t>> choose(uint64_t target);

  // The network with these numbers of channels, activations fused again. The given names of nodes and tensors stay.
  Result<Graph> prune_to(const std::vector<int64_t>& keep, PruneReport& report);

 private:
  Pruner() = default;
  std::vector<const Channel*> removed(const std::vector<int64_t>& keep) const;

  Graph original_;  // split activations
  SampleInputs samples_;
  PruneOptions options_;
  AxisGroups groups_;
  Moments moments_;
  std::vector<RemovalOrder> orders_;
  std::vector<GroupChoices> choices_;
  std::optional<Divergence> divergence_;
  uint64_t macs_ = 0;
};

// All of it: at most `share` of the network's multiply-adds remain.
Result<Graph> prune_to_macs(const Graph& graph, const SampleInputs& samples, double share, const PruneOptions& options,
                            PruneReport& report);

}  // namespace nibble::prune

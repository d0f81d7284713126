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

// What one group of channels can be cut to.
struct GroupChoices {
  std::string name;
  int64_t channels = 0;
  std::vector<int64_t> keep;  // channels kept, descending; the first is all of them
  // Divergence of the network's outputs when only this group is cut (see Divergence); with fewer samples than classes
  // what its readers cannot make up for (see RemovalOrder).
  std::vector<double> loss;
  std::vector<uint64_t> macs;   // multiply-adds of the network when only this group is cut
  std::vector<uint64_t> bytes;  // of its float weights
};

struct PruneReport {
  uint64_t macs_before = 0, macs_after = 0;
  double divergence = 0.0;         // of the result, on the samples that candidates were judged on
  std::vector<KeptChannels> kept;  // all groups, in the order of find_axis_groups()
  std::vector<Frozen> frozen;      // what could not be considered, and why
  std::vector<FittedLayer> fitted;
};

class Pruner {
 public:
  // `samples` is used as long as the pruner lives. Runs the network over all samples once.
  static Result<std::unique_ptr<Pruner>> make(const Graph& graph, const SampleInputs& samples,
                                              const PruneOptions& options);

  const AxisGroups& groups() const { return groups_; }
  // Fewer samples than classes: see README.
  bool scarce() const { return scarce_; }
  // Cuts each group by itself, on few samples; groups that cannot be cut have one choice. Computed once.
  Result<const std::vector<GroupChoices>*> choices();

  // Multiply-adds of the network with these numbers of channels (one per group); call choices() first.
  uint64_t macs(const std::vector<int64_t>& keep) const;
  uint64_t macs() const { return macs_; }

  // The channels that go for these numbers; call choices() first.
  std::vector<const Channel*> removed(const std::vector<int64_t>& keep) const;

  // Numbers of channels for at most `target` multiply-adds, by the least loss per multiply-add saved. Where that is out
  // of reach, as few multiply-adds as there can be: macs() of the result is then more than `target`.
  Result<std::vector<int64_t>> choose(uint64_t target);

  // The network with these numbers of channels, activations fused again. The given names of nodes and tensors stay.
  Result<Graph> prune_to(const std::vector<int64_t>& keep, PruneReport& report);
  // The same with the very channels of an earlier report: its network again. An error names a group that does not fit.
  Result<Graph> repeat(const std::vector<KeptChannels>& kept, PruneReport& report);

 private:
  Pruner() = default;
  Status order_channels();
  void order_group(size_t g, const Moments& moments);
  Result<GroupChoices> choices_of(size_t g, const Moments& moments);
  // Groups that a last layer reads stay whole.
  void keep_features(size_t samples, size_t classes);
  // Channels that steps took beyond the target, as far as it allows.
  void give_back(uint64_t target, std::vector<size_t>& level, std::vector<int64_t>& keep) const;
  Result<Graph> without(std::vector<const Channel*> channels, PruneReport& report);

  Graph original_;        // split activations
  SampleInputs samples_;  // all
  SampleInputs judged_;   // those that candidates are compared on; the others give the moments
  PruneOptions options_;
  AxisGroups groups_;
  SampleInputs fitted_;  // those that give the moments
  std::vector<RemovalOrder> orders_;
  std::vector<GroupChoices> choices_;
  std::optional<Divergence> divergence_;
  uint64_t macs_ = 0;
  // Fewer samples than classes: then neither the outputs on the samples tell what a channel is worth, nor does a fit
  // what the rows of classes need that no sample shows.
  bool scarce_ = false;
  std::vector<bool> whole_;  // by group, where scarce
};

// All of it: at most `share` of the network's multiply-adds remain. An error names the smallest number that can be
// reached.
Result<Graph> prune_to_macs(const Graph& graph, const SampleInputs& samples, double share, const PruneOptions& options,
                            PruneReport& report);

}  // namespace nibble::prune

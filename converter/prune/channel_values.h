// What a channel's values can be, whatever the network is fed: interval arithmetic through the graph.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace nibble::prune {

// All values of a channel lie in [low, high]; infinite where nothing is known.
struct Interval {
  double low, high;
  bool constant() const { return low == high; }
};

// By tensor, then by index along its channel axis: axis 1 of computed tensors of rank 2 or more, else no entries. For
// weights nothing is stored. `negligible` weights (see negligible_weight) count as zero.
using ChannelValues = std::vector<std::vector<Interval>>;
ChannelValues channel_values(const Graph& graph);

// Weights at or below this share of their layer's largest cannot show in a result of 24 bits unless their inputs are
// 2^40 times larger than the others': training with weight decay leaves such remains (1e-30) where a channel has died.
inline constexpr double kNegligibleShare = 1.0 / 18446744073709551616.0;  // 2^-64
double negligible_weight(std::span<const float> weights);

}  // namespace nibble::prune

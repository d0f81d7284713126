// Channels that say nothing: always the same value, or read by nobody. Found in the weights alone, so this holds for
// every input, and the network without them computes the same.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::prune {

struct DeadChannels {
  Graph graph;  // without them; tensor ids may change
  // By group: how many channels were dead, of how many.
  struct Count {
    std::string group;
    int64_t removed = 0, of = 0;
  };
  std::vector<Count> counts;
  int64_t removed = 0;
  // By name of the computed tensors that lost some of axis 1: the indices that are left, rising.
  std::map<std::string, std::vector<int64_t>> kept;
};

// A channel goes where every sum that reads it has weights of (nearly, see negligible_weight) zero for it, or where it
// is constant there: the constant is folded into the reader's bias. Beside zero padding a constant is not one, so
// channels that are constant but not zero stay in front of padded convolutions. At least one channel of each group
// stays. Repeats until nothing is found.
Result<DeadChannels> remove_dead_channels(const Graph& graph);

}  // namespace nibble::prune

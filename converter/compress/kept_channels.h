// Which channels of the original a pruned network's tensors still hold.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "converter/plan/plan.h"
#include "graph/graph.h"

namespace nibble::compress {

// By name of the computed tensors that lost some of axis 1: the indices in the original, rising. `original` is the
// graph that was pruned; groups that it does not have in that form say nothing.
std::map<std::string, std::vector<int64_t>> kept_channels(const Graph& original,
                                                          const std::vector<plan::ChannelPlan>& channels);

}  // namespace nibble::compress

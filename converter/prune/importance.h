// In which order channels of a group go, and what each step costs the layers that read them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/prune/axis_groups.h"
#include "converter/prune/prune_options.h"
#include "converter/prune/readers.h"
#include "converter/statistics/moments_collector.h"

namespace nibble::prune {

// Second moments of what the layers of a graph read, by node.
using Moments = statistics::LayerStatistics;

struct RemovalOrder {
  std::vector<size_t> order;  // indices into the group's channels, the least important first
  // loss[k]: estimate of what is lost with the first k gone, in shares of the readers' output variance, summed over
  // readers. Not comparable between metrics.
  std::vector<double> loss;
};

// obs: block optimal brain surgeon (Hassibi and Stork 1993; for whole columns SparseGPT's and OBC's inverse, Frantar et
// al. 2022): the loss that remains after the readers' other weights have made up for it, greedily, with the inverse
// brought up to date after each channel. obd: the diagonal of the moments only (LeCun et al. 1990). magnitude: squared
// weights. random: a fixed shuffle by the group's name. Channels that products of computed tensors read stay out.
// `least_damping`: of the mean variance, added to what every channel varies by, at least; the fewer samples, the more.
RemovalOrder removal_order(const Graph& graph, const Group& group, const Moments& moments, Metric metric,
                           double least_damping = 1e-3);

}  // namespace nibble::prune

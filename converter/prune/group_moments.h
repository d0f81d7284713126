// Second moments for groups of channels, a part of the network at a time.
#pragma once

#include <functional>
#include <vector>

#include "converter/prune/axis_groups.h"
#include "converter/prune/importance.h"
#include "converter/prune/sample_inputs.h"

namespace nibble::prune {

// f(g, moments of the layers that read channels of group g), for all groups in order: as many at a time as their
// moments fit into `bytes`, each lot with a run over the samples of its own. Ends with f's first
// error.
Status for_each_group(const Graph& graph, const std::vector<Group>& groups, const SampleInputs& samples,
                      const std::function<Status(size_t g, const Moments& moments)>& f,
                      size_t bytes = statistics::kMostMomentBytes);

}  // namespace nibble::prune

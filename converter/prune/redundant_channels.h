// Channels that repeat what others say: duplicates and affine combinations of the rest of their group, found on
// samples.
#pragma once

#include "converter/prune/axis_groups.h"
#include "converter/prune/sample_inputs.h"

namespace nibble::prune {

struct RedundantChannels {
  Graph graph;
  std::vector<KeptChannels> steps;  // groups that lost channels, one after the other, as they were found
  int64_t removed = 0;
  double largest_difference = 0.0;  // of the outputs over all samples, relative to the largest output
};

// x_c = sum a_k x_k + b on every sample, at every tensor through which it is read: c goes, its columns are added to
// those of the others, and b to the bias (where padding would show b, c stays). Kept only if no output moves by more
// than 1e-5 of its largest value on the samples, a third of which combinations are not fitted on. At most 256 samples
// are looked at; groups that they show too few rows of (two a channel) stay. `graph` has split activations (see
// split_activations.h).
Result<RedundantChannels> remove_redundant_channels(const Graph& graph, const SampleInputs& samples);
// The same with the very channels of earlier `steps`. An error names what does not fit, or is not redundant here.
Result<RedundantChannels> repeat_redundant_channels(const Graph& graph, const SampleInputs& samples,
                                                    const std::vector<KeptChannels>& steps);

}  // namespace nibble::prune

// Takes channels out of a graph: slices constants, corrects attributes, infers everything again.
#pragma once

#include <vector>

#include "converter/prune/axis_groups.h"
#include "nibble/result.h"

namespace nibble::prune {

// The same graph without these channels (of find_axis_groups(graph)). Tensor and node ids stay. At least one index of
// every axis must remain: otherwise an error that names the tensor. The result is what the original computes when the
// removed rows and columns of its weights are zero.
Result<Graph> remove_channels(const Graph& graph, const std::vector<const Channel*>& channels);

// The network that remove_channels() computes, at its original size: every constant is zero at the removed positions.
Result<Graph> mask_channels(const Graph& graph, const std::vector<const Channel*>& channels);

}  // namespace nibble::prune

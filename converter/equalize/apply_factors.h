// Rewrites a graph for factors that were chosen.
#pragma once

#include <span>

#include "converter/equalize/channel_classes.h"
#include "converter/equalize/channel_ranges.h"
#include "nibble/result.h"

namespace nibble::equalize {

// Divides every channel by the factor of its class where it is made, and multiplies where it is read. Behind a function
// the division is a multiplication with constants, a node of its own; before it, what the function reads is scaled to
// one size by its maker and back by another node: all three become one int8 table. Tensors whose channels change get
// ":equalized" behind their names.
Status apply_factors(Graph& graph, const ChannelClasses& classes, std::span<const float> factors,
                     const ChannelRanges& ranges);

}  // namespace nibble::equalize

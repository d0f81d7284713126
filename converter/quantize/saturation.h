// Ranges that look ahead: what a saturating function makes equal need not be told apart before it.
#pragma once

#include "converter/quantize/ranges.h"
#include "graph/graph.h"

namespace nibble::quantization {

// Narrows the range of every tensor that only elementwise functions read to where those functions still change by more
// than half a step of their int8 output: below -3 a hard swish is 0, beyond 7 a sigmoid is 1. The int8 steps in between
// get finer and nothing is lost.
void narrow_to_unsaturated(const Graph& graph, Ranges& ranges);

}  // namespace nibble::quantization

// Time and memory of the network before and after, for the report.
#pragma once

#include "converter/compress/compression.h"

namespace nibble::compress {

// Most bytes of computed tensors that any node of a graph with bound shapes needs at once: its own inputs and outputs,
// and what later nodes still read, the network's inputs and outputs included. A lower bound: a device rounds sizes up.
uint64_t live_activation_bytes(const Graph& bound);

// Fills memory (activations only; constants are added when they are packed) for the shapes of the first sample, and,
// where a bound on the time had a device measure, the times of layers and of both networks: the original's in fp32.
Status add_costs(Compression& c, report::CompressionReport& report);

}  // namespace nibble::compress

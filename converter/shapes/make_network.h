// Rows to a float graph with random weights, and on to the graph that a .nbl file holds.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "converter/quantize/quantize.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::shapes {

struct Options {
  int64_t size = 0;       // height and width of pictures, or number of tokens; 0: as the rows say
  int64_t batch = 1;      // pictures or sequences at once
  double channels = 1.0;  // factor of channel counts, except in rows with `fixed`
  uint32_t seed = 1;      // of weights and calibration inputs
};

// No image is larger on a side, no batch is larger, and no factor of channels.
inline constexpr int64_t kMostSize = 1 << 14;
inline constexpr int64_t kMostBatch = 1 << 12;
inline constexpr double kMostFactor = 64;

// An error names the row and what was expected there.
Result<Graph> make_network(std::string_view rows, const Options& options);

// The converter's own way from a float graph to a packed one: passes, calibration on `samples` random inputs where
// activations are int8, quantization, packing. Metadata says that the weights are random.
Result<quantization::Quantized> convert_network(Graph graph, const quantization::Options& format,
                                                const Options& options, int samples);

}  // namespace nibble::shapes

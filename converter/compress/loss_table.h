// What each layer's formats cost in bytes and lose in the network's output: the table that a budget is spent by.
#pragma once

#include <string>
#include <vector>

#include "converter/compress/compression.h"
#include "converter/rounding/round_layer.h"
#include "converter/search/divergence.h"
#include "converter/statistics/moments_collector.h"

namespace nibble::compress {

struct FormatOption {
  quantization::LayerFormat format;
  double bytes = 0.0;                  // of the layer's constants in the file
  double coded_bytes = 0.0;            // the same, entropy-coded: by the entropy of single bytes
  double milliseconds = 0.0;           // of the layer on the device that is aimed at; 0 without one
  double local_error = 0.0;            // mean squared error of the output over its variance, by the layer's moments
  double loss = 0.0;                   // what it adds to the network's divergence
  quantization::RoundedLayer rounded;  // empty for float formats

  double stored_bytes(bool coded) const { return coded ? coded_bytes : bytes; }
};

struct LayerOptions {
  NodeId node = -1;
  std::string name;
  std::vector<FormatOption> options;  // from the widest to the narrowest
};

// The layers with a choice: integer formats that choose_format grants them, and fp16 and fp32 where activations are
// float. Local errors come from round_layer() on the calibration samples; a factor per layer, measured end to end on
// the held-out samples with that layer alone at its narrowest, turns them into losses. Keeps one rounding per format,
// so memory grows with the network, not with the samples. `divergence_samples`: how many of the oracle's samples a
// factor is measured on.
Result<std::vector<LayerOptions>> make_loss_table(const Compression& c, const search::DivergenceOracle& oracle,
                                                  size_t divergence_samples);

// The formats of a selection, as quantize() takes them: one index into `options` a layer.
void apply_selection(const std::vector<LayerOptions>& table, const std::vector<size_t>& selection, bool with_rounding,
                     quantization::Options& format);

// Runs the simulated network of `format` on the held-out samples.
Result<search::Divergence> simulated_divergence(const Compression& c, const quantization::Options& format,
                                                const search::DivergenceOracle& oracle, size_t samples = 0);

// Second moments of these layers of c.graph over all calibration samples.
Result<statistics::LayerStatistics> collect_moments(const Compression& c, const std::vector<NodeId>& layers);

// A layer with weights as rounding takes it; the spans point into c.graph.
rounding::LayerWeights layer_weights(const Compression& c, const Node& node, const quantization::LayerFormat& format);

}  // namespace nibble::compress

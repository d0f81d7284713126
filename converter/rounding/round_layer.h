// One layer: from its moments to integers.
#pragma once

#include <string>

#include "converter/quantize/quantize.h"
#include "converter/rounding/least_squares.h"
#include "converter/rounding/sparsity.h"

namespace nibble::rounding {

enum class Method { nearest, gptq, cd, hqq };
const char* to_string(Method method);
Result<Method> parse_method(const std::string& text);  // "nearest", "gptq", "cd", "hqq"

struct Options {
  Method method = Method::cd;
  bool clip = true;             // search clipping ratios, weighted by the moments
  bool propagate = true;        // against what the quantized layers before make of the samples
  bool bias_correction = true;  // the mean of every output channel comes back
  bool held_out = true;         // with propagation: how far a layer is fitted is chosen by samples held out for that
  Damping damping;
  int sweeps = 8;
  int threads = 2;
};

// A layer as far as rounding is concerned.
struct LayerWeights {
  int64_t outputs = 0, inputs = 0, kernel = 1, groups = 1;  // inputs per convolution group
  std::span<const float> weights;                           // [outputs, inputs, kernel]
  std::vector<float> bias;                                  // [outputs]
  int32_t group_size = 0;                                   // 0: int8
  std::span<const float> fixed_scales;  // int8 scales that came with the network: 1 or one per output
  // lut4: the layer out of round_codebook (quantize/codebook.h), whose entries stay and whose scales are where the
  // search begins.
  const quantization::QuantizedWeights* shared = nullptr;
  // Weights that become 0 before the others are rounded.
  SparsityPattern sparsity = SparsityPattern::dense;
  std::span<const uint8_t> pruned;  // [outputs, inputs, kernel]: 1 for those that do; empty: chosen by `sparsity`
};

// What came out of the layer, as the original network has it, for the rows that went in: sums as in GroupSums.
struct Targets {
  std::vector<double> cross;  // [outputs, row]; empty of long rows, which are rounded towards their own weights
  std::vector<double> sum;    // [outputs]; empty: the moments are those of the original network
};

struct LayerResult {
  quantization::RoundedLayer layer;
  // Mean over outputs of the squared error that rounding adds, divided by the output's variance; both by the moments.
  double relative_error = 0.0;
  std::vector<uint8_t> pruned;  // as in LayerWeights; empty: none
};
Result<LayerResult> round_layer(const LayerWeights& layer, const statistics::LayerMoments& moments,
                                const Targets& targets, const Options& options);
// A result for each of `wanted`, the same as one by one; what depends on the moments alone is computed once.
Result<std::vector<LayerResult>> round_layer_each(const LayerWeights& layer, const statistics::LayerMoments& moments,
                                                  std::span<const Targets> wanted, const Options& options);

// The layer's bias, changed so that the mean of each output with these weights is what it should be. Of the moments
// only sums and counts are read.
std::vector<float> corrected_bias(const LayerWeights& layer, const quantization::QuantizedWeights& weights,
                                  const statistics::LayerMoments& moments, const Targets& targets);

// Without any data: int4 steps by half-quadratic splitting (Badri and Shaji, HQQ, 2023), int8 to nearest.
quantization::RoundedLayer round_without_data(const LayerWeights& layer);

}  // namespace nibble::rounding

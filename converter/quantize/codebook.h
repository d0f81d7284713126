// Weights that share few values: a learned codebook of 16 entries (lut4), ternary and sign weights.
#pragma once

#include <cstdint>
#include <span>

#include "converter/quantize/quantize.h"
#include "converter/quantize/weights.h"

namespace nibble::quantization {

// What an error of each weight costs: importance[g * row + k] is the mean square of the input that weight k of the
// outputs of convolution group g is multiplied with (the diagonal of its second moments). Empty: all weigh the same.
using Importance = std::span<const double>;

// A codebook of 16 int8 entries for the whole tensor, real = scale[o] * entry: k-means weighted by importance, entries
// and scales in turn (weight sharing as in Deep Compression, Han et al. 2016; the weights h of the distances after Choi
// et al. 2017, "Towards the limit of network quantization"). Where some weights are zero, zero is an entry. `groups`
// are convolution groups. The same weights give the same codebook.
QuantizedWeights round_codebook(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                                int64_t groups, Importance importance);

// real = scale[o] * {-1, 1}: the scale that is best for the signs, mean |w| (XNOR-Net, Rastegari et al. 2016), with
// importance the weighted mean.
QuantizedWeights round_sign(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            int64_t groups, Importance importance);

// real = scale[o] * {-1, 0, 1}: the best threshold and scale of each output, found exactly by trying every threshold
// (what Ternary Weight Networks, Li et al. 2016, approximate by 0.7 times the mean).
QuantizedWeights round_ternary(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                               int64_t groups, Importance importance);

// The one of the three that a format with a codebook stands for.
QuantizedWeights round_shared(WeightFormat format, std::span<const float> weights, int64_t outputs, int64_t inputs,
                              int64_t kernel, int64_t groups, Importance importance);

// The entry of a codebook that is nearest to `value`; the first of equally near ones.
int8_t nearest_entry(std::span<const int8_t> codebook, double value);

}  // namespace nibble::quantization

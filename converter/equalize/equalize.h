// Equalisation: channels of one tensor brought to like sizes, so that one scale fits them all.
//
// Cross-layer equalisation (M. Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction,
// ICCV 2019) divides what makes a channel by a factor and multiplies what reads it; SmoothQuant (G. Xiao et al., 2023)
// chooses the factor from activations and weights. Here the factors are those with the least rounding noise in a model
// of what the readers compute, and channels are followed through additions, joins, poolings and paddings.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/equalize/channel_classes.h"
#include "converter/equalize/channel_ranges.h"
#include "converter/equalize/noise_model.h"
#include "nibble/result.h"

namespace nibble::equalize {

struct Options {
  ClassOptions classes;
  NoiseOptions noise;
  // Factors are applied where the model's noise falls below this share of what it is without.
  double worthwhile = 0.9;
  // Behind functions, whose tables then take a row a channel: where it takes away this share of the noise that is left
  // in the whole network.
  double worthwhile_behind_functions = 0.02;
};

// A tensor whose channels were scaled.
struct Equalized {
  std::string tensor;                            // its name before
  double noise_before = 0.0, noise_after = 0.0;  // by the model, over the signal
  double smallest = 1.0, largest = 1.0;          // factor
  bool behind_function = false;
  // Every tensor that was scaled, by its name before: the original's channel c is now channel c times factors[c].
  std::map<std::string, std::vector<float>> factors;
};

// Rewrites the float graph; its outputs stay what they were, but for float rounding. Tensors with scaled channels get
// ":equalized" behind their names.
Result<std::vector<Equalized>> equalize(Graph& graph, const ChannelRanges& ranges, const Options& options);

}  // namespace nibble::equalize

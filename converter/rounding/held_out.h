// How far a layer is fitted to the samples, chosen by samples that it was not fitted to.
//
// With few pictures the second moments say more of those pictures than of what the layer will see: a fit then meets its
// targets on them and nowhere else. Several strengths of the fit are tried on a part of the layer's outputs, and the
// one with the least error on held-out samples is taken (cross-validation, as for the penalty of a ridge regression).
#pragma once

#include "converter/rounding/round_layer.h"

namespace nibble::rounding {

// Sums over one part of the samples: the inputs in the quantized network and what should come out.
struct PartSums {
  statistics::LayerMoments moments;
  Targets targets;

  Status merge(const PartSums& other);
};

// How a layer is fitted.
struct FitStrength {
  // Share of the wanted output that is the original network's; the rest is what the layer's own weights make of the
  // quantized network's input. 1: errors of the layers before are made up for here, 0: they are left alone.
  double follow = 1.0;
  double trust = 1.0;  // Damping::trust
  bool operator==(const FitStrength&) const = default;
};

// `strength` applied: targets that follow as far as it says.
Targets follow(const LayerWeights& layer, const statistics::LayerMoments& moments, Targets targets, double share);

// Squared error of rounded outputs over the samples of these sums, but for a constant; rows in the order of `layer`.
double held_out_error(const LayerWeights& layer, const quantization::RoundedLayer& rounded,
                      const statistics::LayerMoments& moments, const Targets& targets);

// Tries them on at most `kTriedOutputs` outputs, fitted to `fit`, judged on `held`.
inline constexpr int64_t kTriedOutputs = 32;
Result<FitStrength> choose_strength(const LayerWeights& layer, const PartSums& fit, const PartSums& held,
                                    const Options& options);

}  // namespace nibble::rounding

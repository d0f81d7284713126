// Layers that multiply with equal weights: rounded as one on what all of them read, so that a file keeps the weights
// once. Their biases stay their own.
#pragma once

#include <vector>

#include "converter/rounding/round_layer.h"

namespace nibble::rounding {

class SharedLayers {
 public:
  // `centred`: whether biases will be corrected. Each layer's mean is then its own affair, and the second moments that
  // are added up are those around it.
  explicit SharedLayers(bool centred) : centred_(centred) {}

  // Layers whose weights are equal, in any number; spans as in LayerWeights. Keeps one sum of second moments.
  void add(LayerWeights layer, statistics::LayerMoments moments);

  const statistics::LayerMoments& moments() const { return sum_; }  // of all added
  LayerWeights& layer() { return layers_.front(); }                 // what rounding is told of them

  // One result a layer, in the order they were added.
  Result<std::vector<LayerResult>> round(const Options& options) const;

 private:
  bool centred_;
  std::vector<LayerWeights> layers_;
  statistics::LayerMoments sum_;
  std::vector<statistics::LayerMoments> means_;  // each layer's count and sum
};

}  // namespace nibble::rounding

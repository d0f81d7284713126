// Layers one at a time, each by the moments of its input alone; those with equal weights as one.
#pragma once

#include <vector>

#include "converter/rounding/round_network.h"
#include "converter/rounding/shared_layers.h"

namespace nibble::rounding {

class Layerwise {
 public:
  // `layers` have weights that `format` rounds (layer_weights()). Everything is kept by reference.
  Layerwise(const Graph& graph, const quantization::Options& format, const NetworkOptions& options,
            const std::vector<NodeId>& layers);

  // The layers, those with equal weights behind one another: the order that add() wants.
  const std::vector<NodeId>& order() const { return order_; }
  // Rounds with the last of those that have equal weights. Errors name the layer.
  Status add(NodeId id, statistics::LayerMoments moments);
  RoundedNetwork take() { return std::move(out_); }

 private:
  Status round();

  const Graph& graph_;
  const quantization::Options& format_;
  const NetworkOptions& options_;
  std::vector<NodeId> order_;
  std::vector<size_t> group_;  // of each in order_
  size_t at_ = 0;              // in order_: what add() gets next
  SharedLayers open_;          // those of the group so far
  RoundedNetwork out_;
};

}  // namespace nibble::rounding

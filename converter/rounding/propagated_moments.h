// Moments of one layer's input in the quantized network, against what the original network makes of the same samples.
#pragma once

#include "converter/rounding/layer_weights.h"
#include "converter/statistics/patches.h"

namespace nibble::rounding {

// What a sample brings: the layer's input in both networks and, where its output is added to another tensor, that
// tensor in both. The wanted output then makes up for the error of that tensor too.
struct LayerSample {
  std::span<const float> original, quantized;
  std::span<const float> skip_original, skip_quantized;  // empty: none
};

class PropagatedMoments {
 public:
  PropagatedMoments(std::string name, LayerWeights layer, int64_t positions, int threads);

  bool has_pairs() const { return moments_.has_pairs(); }  // statistics::LayerMoments
  Status bind(const Graph& bound, const Node& node);
  // `number` picks the output positions.
  void add(uint64_t number, const LayerSample& sample);

  // Sums so far; to be called once.
  statistics::LayerMoments take_moments();
  Targets take_targets() { return std::move(targets_); }

 private:
  void flush();

  std::string name_;
  LayerWeights layer_;
  int64_t positions_;
  int threads_;
  statistics::PatchReader reader_;
  statistics::LayerMoments moments_;
  Targets targets_;
  // Rows that wait for a matrix product, by group: [groups][capacity, row] and wanted outputs [groups][capacity,
  // outputs of the group].
  int64_t capacity_ = 0, waiting_ = 0;
  std::vector<float> rows_, wanted_;
};

}  // namespace nibble::rounding

// What equalisation needs to know of each channel of each tensor.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "converter/execute/executor.h"
#include "graph/graph.h"

namespace nibble::equalize {

struct ChannelRange {
  float low = 0.0f, high = 0.0f;  // widened to hold 0
  double sum = 0.0, sum_squares = 0.0;
  uint64_t count = 0;
  uint64_t nonzero = 0;

  double mean_square() const { return count ? sum_squares / static_cast<double>(count) : 0.0; }
  double variance() const {
    const double mean = count ? sum / static_cast<double>(count) : 0.0;
    return mean_square() - mean * mean;
  }
  // Share of values other than 0: a zero is represented exactly.
  double nonzero_share() const { return count ? static_cast<double>(nonzero) / static_cast<double>(count) : 0.0; }
};

// Collects the ranges of all channels (index of axis 1) of all tensors that have channels; memory does not depend on
// the number of samples.
class ChannelRanges {
 public:
  explicit ChannelRanges(const Graph& graph);
  // The observer to run samples with.
  TensorObserver observer();
  // Empty where the tensor was not seen or has no channels.
  const std::vector<ChannelRange>& of(TensorId id) const { return ranges_[static_cast<size_t>(id)]; }

 private:
  void add(TensorId id, std::span<const float> values);

  std::vector<int64_t> batch_, channels_;  // by tensor; 0: no channels
  std::vector<std::vector<ChannelRange>> ranges_;
};

}  // namespace nibble::equalize

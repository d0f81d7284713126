// What has been computed of each sample, kept between passes as far as a fixed amount of memory allows.
#pragma once

#include <map>
#include <vector>

#include "converter/rounding/simulation.h"
#include "reference/value.h"

namespace nibble::rounding {

// Tensors of one sample, by id, in one of the two networks.
using SampleTensors = std::map<TensorId, reference::FloatValue>;

class SampleCache {
 public:
  // Of the first samples only, so that more of them take no more memory: 100 pictures and their variations are as many.
  static constexpr size_t kMostSamples = 256;

  // Tensors with stored scales are kept as bytes.
  SampleCache(size_t samples, size_t bytes, const StoredScales& scales)
      : kept_(samples), most_(bytes), scales_(scales) {}

  // The level that was reached with a sample and kept; -1: none.
  int level(size_t sample) const { return kept_[sample].level; }
  void load(size_t sample, SampleTensors& original, SampleTensors& quantized) const;
  // Keeps at most so much from now on; what is beyond it goes, the last samples first.
  void limit(size_t bytes);
  // Takes the place of what was kept of this sample, where there is room; otherwise the older level stays.
  void store(size_t sample, int level, const SampleTensors& original, const SampleTensors& quantized);

 private:
  struct Kept {
    int level = -1;
    size_t bytes = 0;
    SampleTensors original, quantized;  // quantized: without values where `stored` has them
    std::map<TensorId, std::vector<int8_t>> stored;
  };
  std::vector<Kept> kept_;
  size_t most_, used_ = 0;
  const StoredScales& scales_;
};

}  // namespace nibble::rounding

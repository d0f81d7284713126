// How far a changed network's outputs are from the original's: what decides between ways to prune.
#pragma once

#include "converter/prune/sample_inputs.h"

namespace nibble::prune {

// The original's outputs on some samples, kept to be compared with many candidates.
class Divergence {
 public:
  // At most `samples` samples, and fewer where their outputs would take more than 64 MiB.
  static Result<Divergence> make(const Graph& original, const SampleInputs& samples, size_t first, size_t count);

  // Mean over samples and outputs. Rows of classes ([N, C] or one class axis at the end of rank 2): Kullback-Leibler
  // divergence of the original's distribution from the candidate's, in nats. All else: squared error relative to the
  // original's variance. `candidate` has the same outputs.
  Result<double> of(const Graph& candidate) const;
  size_t samples() const { return outputs_.size(); }

 private:
  const SampleInputs* samples_ = nullptr;
  size_t first_ = 0;
  std::vector<std::vector<std::vector<float>>> outputs_;  // by sample, then output
};

}  // namespace nibble::prune

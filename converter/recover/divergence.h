// How far a changed network is from the original, from end to end.
#pragma once

#include <vector>

#include "converter/recover/features.h"
#include "converter/recover/train.h"

namespace nibble::recover {

class Divergence {
 public:
  // Runs the original on some of the samples and keeps its outputs, for as many as fit in `bytes`, at least one.
  static Result<Divergence> of(const Graph& original, const Samples& samples, std::span<const size_t> which,
                               size_t bytes);

  // Mean Kullback-Leibler divergence in nats where the network's only output is one row of class scores, else the
  // squared difference relative to the original's square, mean over outputs. 0 for the same network.
  Result<double> operator()(const Graph& changed) const;

  const Loss& loss(size_t output) const { return losses_[output]; }

 private:
  Samples samples_;
  std::vector<size_t> which_;
  std::vector<Features> outputs_;
  std::vector<Loss> losses_;
};

// The loss by which an output of the original is judged: LossKind::divergence for class scores.
LossKind loss_kind(const Graph& original, TensorId output);

// Mean sum of squares of a row.
double energy(const Features& features);

}  // namespace nibble::recover

// How far a candidate's outputs lie from the original network's on samples that were held out.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "nibble/result.h"
#include "reference/value.h"

namespace nibble::search {

// A mean over samples with its 95 % bootstrap interval (Efron, 1979; percentiles of 1,000 resamples, drawn by a fixed
// generator).
struct Estimate {
  double mean = 0.0, low = 0.0, high = 0.0;
};
Estimate bootstrap(const std::vector<double>& values);

struct Divergence {
  size_t samples = 0;
  // What a search lowers, 0 or more: the KL divergence where the first output is scores of classes, else noise over
  // signal of all outputs.
  Estimate loss;
  Estimate noise_ratio;               // sum of squared differences / sum of squares, the mean over samples
  std::optional<Estimate> kl;         // nats, KL(original || candidate), mean over rows; for class scores only
  std::optional<Estimate> agreement;  // 0..1: share of rows with the same greatest class; for class scores only
  std::optional<Estimate> top1_drop;  // points, paired; where samples have labels
  double sqnr_db() const;             // of the mean noise ratio
};

// The outputs of one sample; the index counts within the held-out samples.
using SampleRun = std::function<Result<std::vector<reference::FloatValue>>(size_t sample)>;

class DivergenceOracle {
 public:
  // Runs the original once on each sample and keeps its outputs; of more than kMostBytes of outputs only the first
  // samples count. `labels`: by sample, classes of the first output; empty without labels.
  static constexpr size_t kMostBytes = size_t{256} << 20;
  static Result<DivergenceOracle> make(size_t samples, const SampleRun& original,
                                       std::vector<std::optional<int>> labels);

  size_t samples() const { return outputs_.size(); }
  bool has_labels() const;
  bool has_classes() const { return classes_; }

  // Of the first `samples` samples (all: 0). An output that is not finite where the original's is counts as noise as
  // large as the signal, and its rows as disagreement.
  Result<Divergence> measure(const SampleRun& candidate, size_t samples = 0) const;

 private:
  std::vector<std::vector<reference::FloatValue>> outputs_;
  std::vector<std::optional<int>> labels_;
  bool classes_ = false;
};

}  // namespace nibble::search

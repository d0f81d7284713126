// Where pruning gets its samples from, and runs of parts of a network on them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "converter/execute/executor.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::prune {

// Samples by number; nothing is kept between calls. May be called from two threads at once.
struct SampleInputs {
  size_t count = 0;
  // The first `given` are samples of their own, sample i of the others is a variation of sample i % given; 0: all are.
  size_t given = 0;
  size_t source(size_t i) const { return given == 0 ? i : i % given; }
  // Sizes of free dimensions that sample i gives the graph's inputs.
  std::function<Result<DimBindings>(const Graph& graph, size_t i)> dims;
  // Values of the inputs of a graph with bound shapes.
  std::function<Result<std::vector<reference::FloatValue>>(const Graph& bound, size_t i)> inputs;
};

// The same, holding up to `bytes` of inputs: pruning runs the same samples many times, and decoding a picture takes as
// long as a small network.
SampleInputs cached_samples(const SampleInputs& samples, size_t bytes = size_t{128} << 20);

// Samples at these numbers.
SampleInputs selected_samples(const SampleInputs& samples, std::vector<size_t> numbers);

// Runs the nodes that these tensors need, on one sample after the other. Tensor ids are those of the graph.
class PartialRuns {
 public:
  // `graph` and `samples` must outlive it. A copy made after prepare() runs what the first one runs, with its packed
  // weights, side by side with it.
  PartialRuns(const Graph& graph, const SampleInputs& samples, std::vector<TensorId> wanted);

  // What run() needs before it runs that sample.
  Status prepare(size_t sample);
  // The wanted tensors' values, in the order given; valid until the next run.
  Result<std::vector<std::span<const float>>> run(size_t sample);
  const Graph& bound() const { return executor_->graph(); }
  // Changes whenever sizes have changed, so that what depends on them is made anew.
  size_t version() const { return version_; }

 private:
  Graph graph_;
  const SampleInputs& samples_;
  std::vector<TensorId> wanted_;
  std::shared_ptr<Executor> executor_;
  DimBindings dims_;
  size_t version_ = 0;
  std::vector<reference::FloatValue> outputs_;
};

// f(part, sample) for all samples: even ones in one thread (part 0), odd ones in another (part 1), each in order. Sums
// kept by part do not depend on threads, and the parts are the folds of validation.
Status for_each_in_two_parts(size_t samples, const std::function<Status(size_t part, size_t sample)>& f);

}  // namespace nibble::prune

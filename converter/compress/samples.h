// The given samples, and runs of a float network on them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "converter/execute/executor.h"
#include "graph/graph.h"
#include "media/preprocess.h"
#include "media/samples.h"
#include "nibble/result.h"

namespace nibble::compress {

// Makes what runs a float graph with bound shapes: the processor or a device, as the command line says.
using ExecutorFactory = std::function<Result<std::unique_ptr<Executor>>(const Graph& bound)>;

// A data set with the preprocessing that makes inputs of it. Nothing is decoded until a sample is asked for.
struct CalibrationSamples {
  media::SampleSet set;
  media::Preprocessing preprocessing;

  // Pictures that are made of the given ones, for rounding: see converter/data/variations.h.
  size_t variations = 0;

  size_t size() const { return set.size(); }
};

// Runs one graph on samples, sample by sample; shapes are bound anew only where a sample's sizes differ from those of
// the one before. Memory does not grow with the number of samples. `graph` and `samples` must outlive it.
class SampleRuns {
 public:
  SampleRuns(const Graph& graph, const CalibrationSamples& samples, ExecutorFactory factory)
      : graph_(graph), samples_(samples), factory_(std::move(factory)) {}

  // The graph with the shapes of sample i; another object wherever the shapes change.
  Result<const Graph*> bind(size_t i);

  // The graph's outputs for sample i, in order; the observer (may be empty) sees every float tensor, by its id in
  // `graph`.
  Result<std::vector<reference::FloatValue>> run(size_t i, const TensorObserver& observer);

 private:
  const Graph& graph_;
  const CalibrationSamples& samples_;
  ExecutorFactory factory_;
  std::unique_ptr<Executor> executor_;
  DimBindings dims_;
};

// The same over all samples, with a progress line called `task`; outputs are dropped.
Status observe_samples(const Graph& graph, const CalibrationSamples& samples, const ExecutorFactory& factory,
                       const TensorObserver& observer, const char* task);

}  // namespace nibble::compress

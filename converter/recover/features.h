// Values of one tensor for many samples.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"
#include "reference/value.h"

namespace nibble::recover {

// The samples that recovery may use, by number, and how graphs run on them.
using TakeOutputs = std::function<Status(size_t sample, const std::vector<reference::FloatValue>& outputs)>;
struct Samples {
  size_t count = 0;
  // The graph with the shapes of the first sample.
  std::function<Result<Graph>(const Graph& graph)> bind;
  // Runs a float graph on these samples in order; `take` gets the graph's outputs.
  std::function<Status(const Graph& graph, std::span<const size_t> samples, const TakeOutputs& take)> run;
};

struct Features {
  size_t width = 0;           // elements a sample
  std::vector<float> values;  // [samples, width], in the graph's order
  std::span<const float> row(size_t i) const { return std::span(values).subspan(i * width, width); }
};

// Of `tensor` of `graph`; only what it depends on is run. With `channels`, only these of axis 1, in this order. An
// error where samples differ in size.
Result<Features> collect(const Graph& graph, TensorId tensor, const Samples& samples, std::span<const size_t> which,
                         std::span<const int64_t> channels = {});

// At most `wanted` of the samples, evenly spread.
std::vector<size_t> spread(std::span<const size_t> samples, size_t wanted);

}  // namespace nibble::recover

// Runs samples through the float network and collects moments.
#pragma once

#include <functional>

#include "converter/statistics/moments_collector.h"
#include "reference/value.h"

namespace nibble::statistics {

// Samples by number, asked for more than once and from several threads.
struct SampleFeed {
  size_t count = 0;
  std::function<Result<DimBindings>(size_t)> dims;
  std::function<Result<std::vector<reference::FloatValue>>(const Graph& bound, size_t)> inputs;
};

struct Gathered {
  LayerStatistics layers;
  ChannelStatistics channels;
};

// Samples first..last-1 of the feed, whose numbers in the whole data set begin at `offset`. Runs on this processor.
Result<Gathered> gather(const Graph& graph, const std::vector<NodeId>& layers, const std::vector<TensorId>& channels,
                        const SampleFeed& samples, uint64_t offset, const CollectOptions& options,
                        const std::function<void()>& sample_done);

}  // namespace nibble::statistics

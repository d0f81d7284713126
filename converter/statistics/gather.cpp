#include "converter/statistics/gather.h"

#include "core/try.h"

namespace nibble::statistics {

Result<Gathered> gather(const Graph& graph, const std::vector<NodeId>& layers, const std::vector<TensorId>& channels,
                        const SampleFeed& samples, uint64_t offset, const CollectOptions& options,
                        const std::function<void()>& sample_done) {
  MomentsCollector collector(graph, layers, channels, options);
  std::unique_ptr<Executor> executor;
  DimBindings bound_dims;
  for (size_t i = 0; i < samples.count; ++i) {
    NBL_TRY(const DimBindings dims, samples.dims(i));
    if (!executor || dims != bound_dims) {
      NBL_TRY(Graph bound, bind_dims(graph, dims));
      NBL_CHECK(collector.bind(bound));
      NBL_TRY(executor, make_cpu_executor(std::move(bound), options.threads));
      bound_dims = dims;
    }
    NBL_TRY(std::vector<reference::FloatValue> inputs, samples.inputs(executor->graph(), i));
    collector.begin(offset + i);
    NBL_TRY(const auto outputs, executor->run(std::move(inputs), collector.observer()));
    NBL_CHECK(collector.end());
    if (sample_done) sample_done();
  }
  return Gathered{collector.take_layers(), collector.take_channels()};
}

}  // namespace nibble::statistics

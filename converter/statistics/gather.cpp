#include "converter/statistics/gather.h"

#include "converter/statistics/gram.h"
#include "core/try.h"

namespace nibble::statistics {

namespace {

// Of what samples that run side by side bring, all of them together.
constexpr size_t kMostBytesSideBySide = size_t{128} << 20;

// Samples first..last-1, all of the sizes that the executor is bound to. Each runs in a thread of its own: a network
// that takes several threads for every layer waits at each, and its threads spin while sums are formed by others.
Status run_side_by_side(Executor& executor, const SampleFeed& samples, size_t first, size_t last, uint64_t offset,
                        MomentsCollector& collector) {
  std::vector<MomentsCollector::SampleRows> rows(last - first);
  std::vector<Status> results(rows.size());
  const auto run = [&](size_t i) -> Status {
    NBL_TRY(std::vector<reference::FloatValue> inputs, samples.inputs(executor.graph(), first + i));
    rows[i].sample = offset + first + i;
    NBL_CHECK(executor.run(std::move(inputs), collector.reader(rows[i])));
    return {};
  };
  const auto count = static_cast<int64_t>(rows.size());
  parallel_for(count, static_cast<int>(count),
               [&](int64_t i) { results[static_cast<size_t>(i)] = run(static_cast<size_t>(i)); });
  for (size_t i = 0; i < rows.size(); ++i) {
    NBL_CHECK(results[i]);
    NBL_CHECK(collector.add(rows[i]));
    rows[i] = {};
  }
  return {};
}

}  // namespace

Result<Gathered> gather(const Graph& graph, const std::vector<NodeId>& layers, const std::vector<TensorId>& channels,
                        const SampleFeed& samples, uint64_t offset, const CollectOptions& options,
                        const std::function<void()>& sample_done) {
  MomentsCollector collector(graph, layers, channels, options);
  std::unique_ptr<Executor> executor;
  DimBindings bound_dims;
  const auto done = [&](size_t count) {
    for (size_t s = 0; sample_done && s < count; ++s) sample_done();
  };
  for (size_t i = 0; i < samples.count;) {
    NBL_TRY(const DimBindings dims, samples.dims(i));
    if (!executor || dims != bound_dims) {
      NBL_TRY(Graph bound, bind_dims(graph, dims));
      NBL_CHECK(collector.bind(bound));
      NBL_TRY(executor, make_cpu_executor(std::move(bound)));
      bound_dims = dims;
    }
    const size_t fit = kMostBytesSideBySide / std::max<size_t>(collector.sample_bytes(), 1);
    const size_t most = std::min(static_cast<size_t>(std::max(options.threads, 1)), fit);
    if (most < 2 || !channels.empty()) {
      NBL_TRY(std::vector<reference::FloatValue> inputs, samples.inputs(executor->graph(), i));
      collector.begin(offset + i);
      NBL_CHECK(executor->run(std::move(inputs), collector.observer()));
      NBL_CHECK(collector.end());
      done(1);
      ++i;
      continue;
    }
    size_t end = i + 1;  // as many as have these sizes
    for (; end < std::min(samples.count, i + most); ++end) {
      NBL_TRY(const DimBindings next, samples.dims(end));
      if (next != bound_dims) break;
    }
    NBL_CHECK(run_side_by_side(*executor, samples, i, end, offset, collector));
    done(end - i);
    i = end;
  }
  return Gathered{collector.take_layers(), collector.take_channels()};
}

}  // namespace nibble::statistics

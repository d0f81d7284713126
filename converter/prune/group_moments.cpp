#include "converter/prune/group_moments.h"

#include <algorithm>
#include <set>

#include "converter/prune/readers.h"
#include "converter/statistics/gather.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

Result<Moments> collect(const Graph& graph, const SampleInputs& samples, const std::vector<NodeId>& layers) {
  statistics::CollectOptions options;
  options.positions = std::max<int64_t>(64, 100000 / static_cast<int64_t>(samples.count));
  statistics::SampleFeed feed;
  feed.count = samples.count;
  feed.dims = [&](size_t i) { return samples.dims(graph, i); };
  feed.inputs = samples.inputs;
  NBL_TRY(statistics::Gathered gathered, statistics::gather(graph, layers, {}, feed, 0, options, {}));
  return std::move(gathered.layers);
}

// Layers that read channels of the group, ascending.
std::set<NodeId> layers_reading(const Graph& graph, const Group& group) {
  const auto consumer_list = consumers(graph);
  std::set<NodeId> out;
  std::set<TensorId> weights;  // that lose inputs
  for (const Channel& channel : group.channels) {
    for (const Column& column : readers_of(graph, consumer_list, channel).columns) out.insert(column.node);
    for (const Position& p : channel.positions) {
      if (p.axis == 1 && graph.tensor(p.tensor).is_constant()) weights.insert(p.tensor);
    }
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (is_weight_layer(graph, graph.nodes[n]) && weights.contains(graph.nodes[n].inputs[conv_input::weights]))
      out.insert(static_cast<NodeId>(n));
  }
  std::erase_if(out, [&](NodeId id) {
    const Node& node = graph.nodes[static_cast<size_t>(id)];
    return !statistics::has_moments(graph, node) || has_long_rows(graph, node);
  });
  return out;
}

}  // namespace

Status for_each_group(const Graph& graph, const std::vector<Group>& groups, const SampleInputs& samples,
                      const std::function<Status(size_t, const Moments&)>& f, size_t most) {
  std::vector<std::set<NodeId>> readers;
  for (const Group& group : groups) readers.push_back(layers_reading(graph, group));
  const auto bytes = [&](const std::set<NodeId>& layers) {
    size_t sum = 0;
    for (NodeId id : layers) sum += statistics::moment_bytes(graph, graph.nodes[static_cast<size_t>(id)]);
    return sum;
  };
  for (size_t first = 0; first < groups.size();) {
    std::set<NodeId> layers = readers[first];
    size_t last = first + 1;
    for (; last < groups.size(); ++last) {
      std::set<NodeId> more = layers;
      more.insert(readers[last].begin(), readers[last].end());
      if (bytes(more) > most) break;
      layers = std::move(more);
    }
    Moments moments;
    if (!layers.empty()) {
      NBL_TRY(moments, collect(graph, samples, {layers.begin(), layers.end()}));
    }
    for (; first < last; ++first) NBL_CHECK(f(first, moments));
  }
  return {};
}

}  // namespace nibble::prune

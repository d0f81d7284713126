#include "converter/rounding/round_network.h"

#include "converter/rounding/layer_weights.h"
#include "converter/rounding/layerwise.h"
#include "core/try.h"

namespace nibble::rounding {
Result<RoundedNetwork> round_network(const Graph& graph, const quantization::Options& format,
                                     const statistics::MomentsFile& statistics, const NetworkOptions& options) {
  std::vector<NodeId> layers;
  for (NodeId id : statistics::moment_layers(graph)) {
    const Node& node = graph.nodes[static_cast<size_t>(id)];
    if (statistics.contains(node.name) && layer_weights(graph, node, format)) layers.push_back(id);
  }
  Layerwise rounding(graph, format, options, layers);
  for (NodeId id : rounding.order()) {
    NBL_TRY(statistics::LayerMoments moments, statistics.layer(graph.nodes[static_cast<size_t>(id)].name));
    NBL_CHECK(rounding.add(id, std::move(moments)));
  }
  return rounding.take();
}

RoundedNetwork round_network_without_data(const Graph& graph, const quantization::Options& format) {
  RoundedNetwork out;
  for (const Node& node : graph.nodes) {
    if (const auto layer = layer_weights(graph, node, format)) out.layers[node.name] = round_without_data(*layer);
  }
  return out;
}

}  // namespace nibble::rounding

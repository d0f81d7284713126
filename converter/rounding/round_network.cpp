#include "converter/rounding/round_network.h"

#include "converter/rounding/layer_weights.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::rounding {
namespace {

Status round_one(const Node& node, const LayerWeights& layer, const statistics::LayerMoments& m, const Options& options,
                 RoundedNetwork& out) {
  if (m.inputs != layer.inputs || m.kernel != layer.kernel || m.groups != layer.groups) {
    return Error{Code::invalid_argument,
                 format("statistics are of another network: expected %lld inputs, %lld kernel positions, %lld groups, "
                        "found %lld, %lld, %lld",
                        static_cast<long long>(layer.inputs), static_cast<long long>(layer.kernel),
                        static_cast<long long>(layer.groups), static_cast<long long>(m.inputs),
                        static_cast<long long>(m.kernel), static_cast<long long>(m.groups))};
  }
  NBL_TRY(LayerResult result, round_layer(layer, m, {}, options));
  out.layers[node.name] = std::move(result.layer);
  out.relative_error[node.name] = result.relative_error;
  return {};
}

}  // namespace

Result<RoundedNetwork> round_network(const Graph& graph, const quantization::Options& format,
                                     const statistics::LayerStatistics& statistics, const NetworkOptions& options) {
  RoundedNetwork out;
  size_t done = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const auto layer = layer_weights(graph, node, format);
    if (!layer) continue;
    const auto found = statistics.find(static_cast<NodeId>(n));
    if (found == statistics.end()) continue;
    if (Status status = round_one(node, *layer, found->second, options.layer, out); !status) {
      return std::move(status).error().with_context(nibble::format("%s '%s'", op_name(node), node.name.c_str()));
    }
    if (options.progress) options.progress(++done, statistics.size());
  }
  return out;
}

RoundedNetwork round_network_without_data(const Graph& graph, const quantization::Options& format) {
  RoundedNetwork out;
  for (const Node& node : graph.nodes) {
    if (const auto layer = layer_weights(graph, node, format)) out.layers[node.name] = round_without_data(*layer);
  }
  return out;
}

}  // namespace nibble::rounding

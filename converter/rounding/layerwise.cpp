#include "converter/rounding/layerwise.h"

#include "converter/quantize/equal_weights.h"
#include "converter/rounding/layer_weights.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::rounding {
namespace {

Status check_sizes(const LayerWeights& layer, const statistics::LayerMoments& m) {
  if (m.inputs == layer.inputs && m.kernel == layer.kernel && m.groups == layer.groups) return {};
  return Error{Code::invalid_argument,
               format("statistics are of another network: expected %lld inputs, %lld kernel positions, %lld groups, "
                      "found %lld, %lld, %lld",
                      static_cast<long long>(layer.inputs), static_cast<long long>(layer.kernel),
                      static_cast<long long>(layer.groups), static_cast<long long>(m.inputs),
                      static_cast<long long>(m.kernel), static_cast<long long>(m.groups))};
}

}  // namespace

Layerwise::Layerwise(const Graph& graph, const quantization::Options& format, const NetworkOptions& options,
                     const std::vector<NodeId>& layers)
    : graph_(graph), format_(format), options_(options), open_(options.layer.bias_correction) {
  size_t group = 0;
  for (const std::vector<NodeId>& alike : quantization::group_by_weights(graph, layers, format)) {
    order_.insert(order_.end(), alike.begin(), alike.end());
    group_.insert(group_.end(), alike.size(), group++);
  }
}

Status Layerwise::add(NodeId id, statistics::LayerMoments moments) {
  const Node& node = graph_.nodes[static_cast<size_t>(id)];
  const auto named = [&](Status status) -> Status {
    if (status) return status;
    return std::move(status).error().with_context(nibble::format("%s '%s'", op_name(node), node.name.c_str()));
  };
  if (at_ >= order_.size() || order_[at_] != id)
    return named(Error{Code::internal, "its moments come out of turn while rounding"});
  LayerWeights layer = *layer_weights(graph_, node, format_);
  NBL_CHECK(named(check_sizes(layer, moments)));
  open_.add(std::move(layer), std::move(moments));
  ++at_;
  if (at_ < order_.size() && group_[at_] == group_[at_ - 1]) return {};
  return named(round());
}

Status Layerwise::round() {
  NBL_TRY(std::vector<LayerResult> results, open_.round(options_.layer));
  open_ = SharedLayers(options_.layer.bias_correction);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string& name = graph_.nodes[static_cast<size_t>(order_[at_ - results.size() + i])].name;
    out_.layers[name] = std::move(results[i].layer);
    out_.relative_error[name] = results[i].relative_error;
    if (options_.progress) options_.progress(out_.layers.size(), order_.size());
  }
  return {};
}

}  // namespace nibble::rounding

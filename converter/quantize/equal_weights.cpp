#include "converter/quantize/equal_weights.h"

#include <map>
#include <string_view>
#include <tuple>

#include "converter/quantize/formats.h"

namespace nibble::quantization {
namespace {

std::string_view bytes_of(const Tensor& tensor) {
  const std::span<const std::byte> bytes = tensor.constant->bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<std::vector<NodeId>> group_by_weights(const Graph& graph, std::span<const NodeId> layers,
                                                  const Options& options) {
  using Key = std::tuple<std::string, WeightFormat, int32_t, int32_t, std::string_view>;
  std::map<Key, size_t> known;
  std::vector<std::vector<NodeId>> out;
  for (NodeId id : layers) {
    const Node& node = graph.nodes[static_cast<size_t>(id)];
    const Tensor& weights = graph.tensor(node.inputs[conv_input::weights]);
    const Choice choice = choose_format(graph, node, options);
    const Key key{to_string(weights.desc.shape), choice.format, choice.group_size, groups_of(node), bytes_of(weights)};
    const auto [at, fresh] = known.emplace(key, out.size());
    if (fresh) out.emplace_back();
    out[at->second].push_back(id);
  }
  return out;
}

std::set<TensorId> shared_weights(const Graph& graph) {
  std::map<std::string_view, std::vector<TensorId>> readers;
  for (const Node& node : graph.nodes) {
    if (!has_weights(node)) continue;
    const Tensor& weights = graph.tensor(node.inputs[conv_input::weights]);
    if (weights.is_constant()) readers[bytes_of(weights)].push_back(node.inputs[conv_input::weights]);
  }
  std::set<TensorId> out;
  for (const auto& [bytes, ids] : readers) {
    if (ids.size() > 1) out.insert(ids.begin(), ids.end());
  }
  return out;
}

}  // namespace nibble::quantization

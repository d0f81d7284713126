#include "format/pack_graph.h"

#include <map>

#include "core/try.h"
#include "format/packing.h"
#include "ops/op.h"

namespace nibble {

Packing weight_packing(const Graph& graph, const Node& node) {
  int64_t groups = 1;
  if (const auto* conv = op_if<Conv2d>(node))
    groups = conv->groups;
  else if (const auto* transpose = op_if<ConvTranspose2d>(node))
    groups = transpose->groups;
  else if (!op_if<Linear>(node))
    return Packing::plain;
  if (groups == 1) return Packing::blocked;
  const Shape& shape = graph.desc(node.inputs[conv_input::weights]).shape;
  const int64_t outputs = shape[0].value(), inputs_per_group = shape[1].value();
  if (op_if<Conv2d>(node) && inputs_per_group == 1 && outputs == groups) return Packing::depthwise;
  return inputs_per_group % 4 == 0 && outputs / groups % 4 == 0 ? Packing::blocked : Packing::plain;
}

Status pack_graph(Graph& graph) {
  std::map<std::pair<TensorId, Packing>, TensorId> packed;
  const auto pack = [&](TensorId& id, Packing packing) -> Status {
    if (packing == Packing::plain || !graph.tensor(id).is_constant() || graph.desc(id).packing != Packing::plain)
      return {};
    const auto [at, fresh] = packed.emplace(std::pair{id, packing}, kNoTensor);
    if (fresh) {
      TensorDesc desc = graph.desc(id);
      desc.packing = packing;
      NBL_TRY(std::vector<std::byte> bytes, pack_weights(desc, graph.tensor(id).constant->bytes));
      at->second = graph.add_constant(std::move(desc), ConstantData::own(std::move(bytes)));
    }
    id = at->second;
    return {};
  };
  for (Node& node : graph.nodes) {
    if (node.inputs.size() > conv_input::weights && node.inputs[conv_input::weights] != kNoTensor) {
      NBL_CHECK(pack(node.inputs[conv_input::weights], weight_packing(graph, node)));
    }
    const bool grouped = (op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node)) &&
                         node.inputs.size() > conv_input::group_multiplier &&
                         node.inputs[conv_input::group_multiplier] != kNoTensor &&
                         graph.desc(node.inputs[conv_input::weights]).type == DType::i4;
    if (grouped) NBL_CHECK(pack(node.inputs[conv_input::group_multiplier], Packing::group_multipliers));
  }
  remove_dead(graph);
  return {};
}

}  // namespace nibble

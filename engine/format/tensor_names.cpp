#include "format/tensor_names.h"

#include "ops/op.h"

namespace nibble {
namespace {

const char* convolution_slot(size_t slot, bool looked_up) {
  switch (slot) {
    case conv_input::weights: return "weights";
    case conv_input::bias: return "bias";
    case conv_input::multiplier: return "multiplier";
    case conv_input::shift: return "shift";
    case conv_input::group_multiplier: return looked_up ? "codebook" : "group_multiplier";
    default: return nullptr;
  }
}

const char* norm_slot(size_t slot) { return slot == 1 ? "scale" : slot == 2 ? "bias" : nullptr; }

const char* slot_name(const Graph& graph, const Node& node, size_t slot) {
  if (op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node)) {
    const TensorId weights = node.inputs.size() > conv_input::weights ? node.inputs[conv_input::weights] : kNoTensor;
    return convolution_slot(slot, weights != kNoTensor && graph.desc(weights).type == DType::lut4);
  }
  if (op_if<InstanceNorm>(node) || op_if<LayerNorm>(node)) return norm_slot(slot);
  if (op_if<Unary>(node) && slot == 1) return "table";
  return nullptr;
}

}  // namespace

std::vector<std::string> derived_names(const Graph& graph) {
  std::vector<std::string> out(graph.tensors.size());
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoTensor) continue;
      const auto id = static_cast<size_t>(node.inputs[i]);
      if (!graph.tensors[id].is_constant() || !out[id].empty()) continue;
      const char* slot = slot_name(graph, node, i);
      out[id] = node.name + "." + (slot ? std::string(slot) : "input" + std::to_string(i));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const auto id = static_cast<size_t>(node.outputs[i]);
      out[id] = i == 0 ? node.name : node.name + ":" + std::to_string(i);
    }
  }
  return out;
}

}  // namespace nibble

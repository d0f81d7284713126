#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "format/packing.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace nibble {
namespace {

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

Status verify_constant(const Tensor& tensor, size_t index) {
  const TensorDesc& desc = tensor.desc;
  if (!is_const(desc.shape)) return bad(format("constant %zu '%s' has free dimensions", index, desc.name.c_str()));
  NBL_TRY(const uint64_t expected, stored_bytes(desc));
  if (expected != tensor.constant->bytes.size()) {
    return bad(format("constant %zu '%s' %s %s: expected %llu bytes, found %zu", index, desc.name.c_str(),
                      to_string(desc.type), to_string(desc.shape).c_str(), static_cast<unsigned long long>(expected),
                      tensor.constant->bytes.size()));
  }
  return {};
}

Status verify_ids(const Graph& graph, const std::vector<TensorId>& ids, bool optional, const std::string& where) {
  for (TensorId id : ids) {
    if (id == kNoTensor && optional) continue;
    if (id < 0 || static_cast<size_t>(id) >= graph.tensors.size()) {
      return bad(format("%s refers to tensor %d of %zu", where.c_str(), id, graph.tensors.size()));
    }
  }
  return {};
}

Status verify_node(const Graph& graph, const Node& node, std::vector<bool>& written) {
  const std::string where = format("%s '%s'", op_name(node), node.name.c_str());
  std::vector<const TensorDesc*> descs;
  for (TensorId id : node.inputs) {
    descs.push_back(id == kNoTensor ? nullptr : &graph.desc(id));
    if (id != kNoTensor && !written[static_cast<size_t>(id)]) {
      return bad(format("%s reads tensor '%s' before it is written", where.c_str(), graph.desc(id).name.c_str()));
    }
  }
  std::vector<TensorDesc> declared;
  for (TensorId id : node.outputs) declared.push_back(graph.desc(id));
  auto inferred = infer_node(node, {descs, declared});
  if (!inferred) return std::move(inferred).error().with_context(where);
  if (inferred->size() != declared.size()) {
    return bad(format("%s has %zu outputs, expected %zu", where.c_str(), declared.size(), inferred->size()));
  }
  for (size_t i = 0; i < declared.size(); ++i) {
    const TensorDesc& expected = (*inferred)[i];
    if (!(expected.shape == declared[i].shape) || expected.type != declared[i].type) {
      return bad(format("%s output %zu: expected %s %s, found %s %s", where.c_str(), i, to_string(expected.type),
                        to_string(expected.shape).c_str(), to_string(declared[i].type),
                        to_string(declared[i].shape).c_str()));
    }
    if (!(expected.quant == declared[i].quant)) {
      return bad(format("%s output %zu: its quantization differs from what the operator gives", where.c_str(), i));
    }
    const auto id = static_cast<size_t>(node.outputs[i]);
    if (written[id]) return bad(format("%s writes tensor '%s' a second time", where.c_str(), declared[i].name.c_str()));
    written[id] = true;
  }
  return {};
}

}  // namespace

Status verify(const Graph& graph) {
  std::vector<bool> written(graph.tensors.size(), false);
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    if (!graph.tensors[i].is_constant()) continue;
    NBL_CHECK(verify_constant(graph.tensors[i], i));
    written[i] = true;
  }
  NBL_CHECK(verify_ids(graph, graph.inputs, false, "graph input"));
  NBL_CHECK(verify_ids(graph, graph.outputs, false, "graph output"));
  for (TensorId id : graph.inputs) {
    if (written[static_cast<size_t>(id)])
      return bad("graph input '" + graph.desc(id).name + "' is a constant or listed twice");
    written[static_cast<size_t>(id)] = true;
  }
  for (const Node& node : graph.nodes) {
    if (!node.op) return bad("node '" + node.name + "' has no operator");
    const std::string where = format("%s '%s'", op_name(node), node.name.c_str());
    NBL_CHECK(verify_ids(graph, node.inputs, true, where));
    NBL_CHECK(verify_ids(graph, node.outputs, false, where));
    NBL_CHECK(verify_node(graph, node, written));
  }
  for (TensorId id : graph.outputs) {
    if (!written[static_cast<size_t>(id)]) return bad("graph output '" + graph.desc(id).name + "' is never written");
  }
  return {};
}

}  // namespace nibble

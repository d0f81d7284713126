#include "converter/onnx/importer.h"
#include "core/try.h"
#include "reference/evaluate.h"

namespace nibble::onnx_import {

double folding_work(const Graph& graph, const Node& node) { return reference::estimated_work(graph, node); }

Result<std::vector<Tensor>> fold_constants(const Graph& graph, const Node& node) {
  NBL_TRY(const std::vector<reference::Value> values, reference::evaluate_constant(graph, node));
  std::vector<Tensor> out;
  for (const reference::Value& value : values) {
    TensorDesc desc = value.desc;
    desc.name.clear();
    out.push_back({desc, ConstantData::own(reference::value_bytes(value))});
  }
  return out;
}

}  // namespace nibble::onnx_import

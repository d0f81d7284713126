#include "core/text.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace nibble {
namespace {

// Prints attributes that differ from the operator's defaults.
class AttributePrinter {
 public:
  void operator()(const char* name, const bool& v) { put(name, v ? "true" : "false"); }
  void operator()(const char* name, const int32_t& v) { put(name, std::to_string(v)); }
  void operator()(const char* name, const float& v) { put(name, format("%.9g", static_cast<double>(v))); }
  void operator()(const char* name, const UnaryKind& v) { put(name, to_string(v)); }
  void operator()(const char* name, const BinaryKind& v) { put(name, to_string(v)); }
  void operator()(const char* name, const Shape& v) { put(name, nibble::to_string(v)); }
  void operator()(const char* name, const std::vector<int64_t>& v) {
    std::string text = "[";
    for (size_t i = 0; i < v.size(); ++i) text += (i ? ", " : "") + std::to_string(v[i]);
    put(name, text + "]");
  }
  void operator()(const char* name, const std::vector<float>& v) {
    std::string text = "[";
    for (size_t i = 0; i < v.size(); ++i) text += (i ? ", " : "") + format("%.9g", static_cast<double>(v[i]));
    put(name, text + "]");
  }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(const char* name, const E& v) { put(name, std::to_string(static_cast<int32_t>(v))); }

  std::vector<std::pair<std::string, std::string>> fields;

 private:
  void put(const char* name, std::string value) { fields.emplace_back(name, std::move(value)); }
};

std::string attributes(const Op& op) {
  return visit_op(op, [](const auto& concrete) {
    auto copy = concrete;
    std::remove_cvref_t<decltype(concrete)> defaults;
    AttributePrinter printer, default_printer;
    copy.visit(printer);
    defaults.visit(default_printer);
    std::string out;
    for (size_t i = 0; i < printer.fields.size(); ++i) {
      if (printer.fields[i] == default_printer.fields[i]) continue;
      out += (out.empty() ? "" : ", ") + printer.fields[i].first + "=" + printer.fields[i].second;
    }
    return out;
  });
}

std::string describe(const Graph& graph, TensorId id) {
  const TensorDesc& d = graph.desc(id);
  std::string out = format("%%%d %s%s", id, to_string(d.type), to_string(d.shape).c_str());
  if (d.quant.kind == Quant::Kind::per_tensor) {
    out += format(" q(%.9g, %d)", static_cast<double>(d.quant.scale()), d.quant.zero_point);
  } else if (d.quant.kind != Quant::Kind::none) {
    out += format(" q(%zu scales, group %d)", d.quant.scales.size(), d.quant.group_size);
  }
  if (!d.name.empty()) out += " '" + d.name + "'";
  return out;
}

}  // namespace

std::string dump_text(const Graph& graph) {
  std::string out;
  for (TensorId id : graph.inputs) out += "input " + describe(graph, id) + "\n";
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& tensor = graph.tensors[i];
    if (!tensor.is_constant()) continue;
    out += "constant " + describe(graph, static_cast<TensorId>(i));
    if (tensor.desc.packing != Packing::plain) out += format(" packing %d", static_cast<int>(tensor.desc.packing));
    out += "\n";
  }
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.outputs.size(); ++i) out += (i ? ", " : "") + describe(graph, node.outputs[i]);
    out += format(" = %s(", op_name(node));
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      out += (i ? ", " : "") + (node.inputs[i] == kNoTensor ? std::string("-") : format("%%%d", node.inputs[i]));
    }
    out += ") {" + attributes(*node.op) + "} '" + node.name + "'\n";
  }
  for (TensorId id : graph.outputs) out += "output " + describe(graph, id) + "\n";
  return out;
}

}  // namespace nibble

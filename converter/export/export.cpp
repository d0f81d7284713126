#include "converter/export/export.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/export/exporter.h"
#include "converter/quantize/formats.h"
#include "core/text.h"

namespace nibble::onnx_export {
namespace {

bool holds_integers(DType type) { return type == DType::i8 || type == DType::u8; }
bool is_stored(DType type) { return holds_integers(type) || type == DType::f16; }

// The bounds that an integer node's result is kept to, or null where the operator only moves integers.
std::optional<ClampRange> bounds(const Graph& graph, const Node& node) {
  const TensorDesc& y = graph.desc(node.outputs[0]);
  if (y.type != DType::i8) return {};
  const auto* pool = op_if<Pool2d>(node);
  const auto* reduce = op_if<Reduce>(node);
  if ((pool && pool->kind == PoolKind::max) || (reduce && reduce->kind != ReduceKind::mean)) return {};
  std::optional<ClampRange> range;
  visit_op(*node.op, [&](const auto& op) {
    if constexpr (requires { op.clamp; }) range = op.clamp;
  });
  if (!range || !(pool || reduce)) return range;
  // A mean lies within what it is a mean of.
  const Quant& x = graph.desc(node.inputs[0]).quant;
  const auto real = [](const Quant& q, double stored) {
    return static_cast<double>(q.scale()) * (stored - q.zero_point);
  };
  if (real(x, -128) >= real(y.quant, range->min - 0.5) && real(x, 127) <= real(y.quant, range->max + 0.5)) return {};
  return range;
}

}  // namespace

ElementType element_type(DType type) {
  switch (type) {
    case DType::f32: return ElementType::float32;
    case DType::f16: return ElementType::float16;
    case DType::i8:
    case DType::i4:
    case DType::lut4: return ElementType::int8;
    case DType::u8: return ElementType::uint8;
    case DType::i32: return ElementType::int32;
    case DType::i64: return ElementType::int64;
    case DType::boolean: return ElementType::boolean;
  }
  return ElementType::float32;
}

void Exporter::add_scale(TensorId id) {
  Forms& f = forms(id);
  if (!f.scale.empty()) return;
  const TensorDesc& desc = graph_.desc(id);
  const std::string& name = own_names_[static_cast<size_t>(id)];
  f.scale = model_.scalar(name + ":scale", desc.quant.scale());
  f.zero_point = desc.type == DType::u8
                     ? model_.constant<uint8_t>(name + ":zero_point", {}, {static_cast<uint8_t>(desc.quant.zero_point)})
                     : model_.constant<int8_t>(name + ":zero_point", {}, {static_cast<int8_t>(desc.quant.zero_point)});
}

void Exporter::add_constant(TensorId id) {
  const Tensor& tensor = graph_.tensor(id);
  const std::vector<int64_t> dims = values(tensor.desc.shape);
  std::string& name = own_names_[static_cast<size_t>(id)];
  if (name.empty()) name = tensor.desc.name.empty() ? "constant" : tensor.desc.name;
  const std::string made = model_.constant(name, element_type(tensor.desc.type), dims, tensor.constant->bytes);
  (is_stored(tensor.desc.type) ? forms(id).stored : forms(id).real) = made;
}

Result<std::string> Exporter::real(TensorId id) {
  if (id == kNoTensor) return std::string();
  Forms& f = forms(id);
  if (!f.real.empty()) return f.real;
  const Tensor& tensor = graph_.tensor(id);
  if (f.stored.empty() && tensor.is_constant()) add_constant(id);
  if (!f.real.empty()) return f.real;
  if (f.stored.empty()) return Error{Code::internal, "tensor '" + tensor.desc.name + "' is read before it is written"};
  f.real = read_stored(id, model_.unique(f.stored + ":real"));
  return f.real;
}

std::string Exporter::read_stored(TensorId id, const std::string& to) {
  if (graph_.desc(id).type == DType::f16)
    return model_.node("Cast", {forms(id).stored}, to, {{"to", static_cast<int64_t>(ElementType::float32)}});
  add_scale(id);
  return model_.node("DequantizeLinear", {forms(id).stored, forms(id).scale, forms(id).zero_point}, to);
}

std::string Exporter::result_name(TensorId id) {
  const std::string& own = own_names_[static_cast<size_t>(id)];
  return is_stored(graph_.desc(id).type) ? model_.unique(own + ":computed") : own;
}

void Exporter::store(TensorId id, const std::string& y, const ClampRange* clamp) {
  const TensorDesc& desc = graph_.desc(id);
  const std::string& own = own_names_[static_cast<size_t>(id)];
  if (!is_stored(desc.type)) {
    forms(id).real = y;
    return;
  }
  if (desc.type == DType::f16) {
    forms(id).stored =
        model_.node("Cast", {y}, own, {{"to", static_cast<int64_t>(ElementType::float16)}}, own + ":half");
    return;
  }
  std::string bounded = y;
  if (clamp && desc.type == DType::i8) {
    const bool low = clamp->min > -128, high = clamp->max < 127;
    const auto at = [&](int32_t stored) {
      return desc.quant.scale() * static_cast<float>(stored - desc.quant.zero_point);
    };
    constexpr float kNone = std::numeric_limits<float>::infinity();
    if (low && !high && clamp->min == desc.quant.zero_point) {
      bounded = unary(UnaryKind::relu, 0, 0, y, model_.unique(own + ":bounded"), own + ":relu");
    } else if (low || high) {
      bounded = unary(UnaryKind::clip, low ? at(clamp->min) : -kNone, high ? at(clamp->max) : kNone, y,
                      model_.unique(own + ":bounded"), own + ":clip");
    }
  }
  add_scale(id);
  forms(id).stored =
      model_.node("QuantizeLinear", {bounded, forms(id).scale, forms(id).zero_point}, own, {}, own + ":quantize");
}

Status Exporter::export_inputs() {
  for (TensorId id : graph_.inputs) {
    const TensorDesc& desc = graph_.desc(id);
    const std::string& own = own_names_[static_cast<size_t>(id)];
    model_.input(own, element_type(desc.type), desc.shape);
    (is_stored(desc.type) ? forms(id).stored : forms(id).real) = own;
  }
  return {};
}

Result<std::vector<std::string>> Exporter::real_inputs(const Node& node) {
  std::vector<std::string> out;
  // Weight slots are the layer's own business.
  const size_t count = quantization::has_weights(node) ? 1 : node.inputs.size();
  for (size_t i = 0; i < count; ++i) {
    NBL_TRY(std::string name, real(node.inputs[i]));
    out.push_back(std::move(name));
  }
  return out;
}

Status Exporter::convert(const Node& node, const Convert& op) {
  const TensorId from = node.inputs[0], to = node.outputs[0];
  const DType in_type = graph_.desc(from).type, out_type = graph_.desc(to).type;
  if (is_stored(out_type) && (is_stored(in_type) || in_type == DType::f32)) {
    NBL_TRY(const std::string x, real(from));
    store(to, x, &op.clamp);
    return {};
  }
  if (is_stored(in_type) && out_type == DType::f32) {
    const bool is_output = std::find(graph_.outputs.begin(), graph_.outputs.end(), to) != graph_.outputs.end();
    if (!is_output) {
      NBL_TRY(forms(to).real, real(from));
      return {};
    }
    if (forms(from).stored.empty()) add_constant(from);
    forms(to).real = read_stored(from, own_names_[static_cast<size_t>(to)]);
    return {};
  }
  NBL_TRY(const std::vector<std::string> x, real_inputs(node));
  NBL_CHECK(operation(node, x, result_name(to)));
  forms(to).real = own_names_[static_cast<size_t>(to)];
  return {};
}

Status Exporter::export_node(const Node& node) {
  if (const auto* op = op_if<Convert>(node)) return convert(node, *op);
  if (const auto* op = op_if<Unary>(node); op && node.inputs.size() > 1) return table(node, *op);
  NBL_TRY(const std::vector<std::string> x, real_inputs(node));
  const std::string y = result_name(node.outputs[0]);
  NBL_CHECK(operation(node, x, y));
  const std::optional<ClampRange> clamp = bounds(graph_, node);
  store(node.outputs[0], y, clamp ? &*clamp : nullptr);
  return {};
}

Status Exporter::export_outputs() {
  std::vector<TensorId> seen;
  for (TensorId id : graph_.outputs) {
    const TensorDesc& desc = graph_.desc(id);
    const std::string& own = own_names_[static_cast<size_t>(id)];
    if (graph_.tensor(id).is_constant() && forms(id).real.empty() && forms(id).stored.empty()) add_constant(id);
    const std::string& made = is_stored(desc.type) ? forms(id).stored : forms(id).real;
    const bool computed = std::find(graph_.inputs.begin(), graph_.inputs.end(), id) == graph_.inputs.end() &&
                          std::find(seen.begin(), seen.end(), id) == seen.end() && made == own;
    const std::string name = computed ? own : model_.node("Identity", {made}, model_.unique(own));
    model_.output(name, element_type(desc.type), desc.shape);
    seen.push_back(id);
  }
  return {};
}

Status Exporter::write_graph() {
  // Inputs and outputs keep their names, whatever else is called the same.
  own_names_.resize(graph_.tensors.size());
  std::vector<TensorId> order = graph_.inputs;
  order.insert(order.end(), graph_.outputs.begin(), graph_.outputs.end());
  for (const Node& node : graph_.nodes) order.insert(order.end(), node.outputs.begin(), node.outputs.end());
  for (TensorId id : order) {
    std::string& name = own_names_[static_cast<size_t>(id)];
    if (name.empty() && !graph_.tensor(id).is_constant()) name = model_.unique(graph_.desc(id).name);
  }
  for (const auto& [key, value] : graph_.metadata) model_.metadata(key, value);
  NBL_CHECK(export_inputs());
  for (const Node& node : graph_.nodes) {
    Status status = export_node(node);
    if (!status) return std::move(status).error().with_context("export to ONNX");
  }
  return export_outputs();
}

Result<Exported> Exporter::run() {
  NBL_CHECK(write_graph());
  NBL_TRY(out_.bytes, model_.bytes());
  return std::move(out_);
}

Status Exporter::check() {
  model_.leave_out_data();
  return write_graph();
}

Result<Exported> export_graph(const Graph& graph, const Options& options) {
  for (const Tensor& tensor : graph.tensors) {
    if (tensor.desc.packing == Packing::plain) continue;
    return Error{Code::internal, "'" + tensor.desc.name + "' is packed already; export before packing"};
  }
  return Exporter(graph, options).run();
}

Status check_exportable(const Graph& graph) { return Exporter(graph, {}).check(); }

}  // namespace nibble::onnx_export

// Integer functions that are kept as tables of 256 entries: what they were made of, or the table itself.
#include <algorithm>
#include <cmath>

#include "converter/export/exporter.h"
#include "converter/quantize/integer_graph.h"
#include "core/requantize.h"
#include "core/text.h"
#include "reference/elementwise.h"

namespace nibble::onnx_export {
namespace {

using Function = std::function<void(std::vector<double>&)>;

struct Row {
  int most = 0;          // greatest difference to the table, in steps
  bool bounded = false;  // an entry stays at -127 where the function goes on to -128
};

// f at all the 256 stored values, in y's integers without any bound but the type's.
void compare_row(const Quant& x, const Quant& y, std::span<const int8_t> table, const Function& f, Row& row) {
  std::vector<double> v;
  for (int q = -128; q <= 127; ++q) v.push_back(static_cast<double>(x.scale()) * (q - x.zero_point));
  f(v);
  for (size_t i = 0; i < 256; ++i) {
    const int q = nibble::quantize(v[i], y.scale(), y.zero_point, -128, 127);
    row.bounded = row.bounded || (q == -128 && table[i] == -127);
    row.most = std::max(row.most, std::abs(std::max(q, -127) - std::max<int>(table[i], -127)));
  }
}

const Node* node_named(const Graph* graph, const std::string& name) {
  if (!graph) return nullptr;
  const auto it = std::find_if(graph->nodes.begin(), graph->nodes.end(), [&](const Node& n) { return n.name == name; });
  return it == graph->nodes.end() ? nullptr : &*it;
}

}  // namespace

Result<std::optional<std::string>> Exporter::table_function(const Node& node, const Unary& op, const std::string& y) {
  const TensorDesc& x_desc = in(node, 0);
  const TensorDesc& y_desc = graph_.desc(node.outputs[0]);
  const auto table = graph_.tensor(node.inputs[1]).constant->as<int8_t>();
  if (x_desc.type != DType::i8 || y_desc.type != DType::i8) return std::optional<std::string>();
  Row row;
  const Node* source = node_named(options_.meaning, node.name);
  const Binary* binary_op = source ? op_if<Binary>(*source) : nullptr;
  std::string made;
  if (!binary_op) {
    const Unary* named = source ? op_if<Unary>(*source) : nullptr;
    const Unary f = named ? *named : op;
    for (size_t r = 0; r + 256 <= table.size(); r += 256) {
      compare_row(
          x_desc.quant, y_desc.quant, table.subspan(r, 256),
          [&](std::vector<double>& v) {
            reference::apply_unary<double>(f.kind, static_cast<double>(f.a), static_cast<double>(f.b), v.data(),
                                           v.data(), v.size());
          },
          row);
    }
    if (row.most > 1) return std::optional<std::string>();
    NBL_TRY(const std::string x, real(node.inputs[0]));
    made = unary(f.kind, f.a, f.b, x, y, node.name);
  } else {
    const bool swapped = source->inputs.size() == 2 && options_.meaning->tensor(source->inputs[0]).is_constant();
    const Tensor& other = options_.meaning->tensor(source->inputs[swapped ? 0 : 1]);
    if (!other.is_constant() || other.desc.type != DType::f32) return std::optional<std::string>();
    const auto constants = other.constant->as<float>();
    if (constants.size() * 256 != table.size()) return std::optional<std::string>();
    for (size_t c = 0; c < constants.size(); ++c) {
      const double constant = static_cast<double>(constants[c]);
      compare_row(
          x_desc.quant, y_desc.quant, table.subspan(c * 256, 256),
          [&](std::vector<double>& v) {
            const std::vector<double> from = v;
            if (swapped)
              reference::apply_binary<double>(binary_op->kind, &constant, 0, from.data(), 1, v.data(), v.size());
            else
              reference::apply_binary<double>(binary_op->kind, from.data(), 1, &constant, 0, v.data(), v.size());
            reference::apply_activation<double>(binary_op->activation, v.data(), v.size());
          },
          row);
    }
    if (row.most > 1) return std::optional<std::string>();
    NBL_TRY(const std::string x, real(node.inputs[0]));
    const std::string c = model_.constant(node.name + ":constant", values(other.desc.shape),
                                          std::vector<float>(constants.begin(), constants.end()));
    NBL_CHECK(activated(binary_op->activation, y, node.name, [&](const std::string& to) -> Status {
      binary(binary_op->kind, swapped ? c : x, swapped ? x : c, to, node.name);
      return {};
    }));
    made = y;
  }
  const ClampRange clamp;
  store(node.outputs[0], made, row.bounded ? &clamp : nullptr);
  return std::optional<std::string>(made);
}

Status Exporter::pixels_in(const Node& node) {
  NBL_TRY(const std::string bytes, real(node.inputs[0]));
  const quantization::BytePixels& pixels = *options_.byte_input;
  std::vector<int64_t> dims;
  if (pixels.factor.size() > 1) {
    dims.assign(in(node, 0).shape.size(), 1);
    dims[1] = static_cast<int64_t>(pixels.factor.size());
  }
  const std::string y = result_name(node.outputs[0]);
  const std::string scaled =
      model_.node("Mul", {bytes, model_.constant(y + ":factor", dims, pixels.factor)}, model_.unique(y + ":scaled"));
  model_.node("Add", {scaled, model_.constant(y + ":offset", dims, pixels.offset)}, y, {}, node.name);
  const auto table = graph_.tensor(node.inputs[1]).constant->as<int8_t>();
  const ClampRange clamp;
  const bool low = std::find(table.begin(), table.end(), int8_t{-127}) != table.end();
  store(node.outputs[0], y, low ? &clamp : nullptr);
  return {};
}

Status Exporter::pixels_out(const Node& node) {
  NBL_TRY(const std::string x, real(node.inputs[0]));
  const quantization::BytePixels& pixels = *options_.byte_output;
  const std::string y = result_name(node.outputs[0]);
  const std::string moved =
      model_.node("Sub", {x, model_.scalar(y + ":offset", pixels.offset[0])}, model_.unique(y + ":moved"));
  model_.node("Div", {moved, model_.scalar(y + ":factor", pixels.factor[0])}, y, {}, node.name);
  store(node.outputs[0], y, nullptr);  // bytes of scale 1: rounds and keeps to 0..255
  return {};
}

Status Exporter::gather_table(const Node& node) {
  const TensorId from = node.inputs[0], to = node.outputs[0];
  const Tensor& table = graph_.tensor(node.inputs[1]);
  if (forms(from).stored.empty()) add_constant(from);
  const std::string& own = own_names_[static_cast<size_t>(to)];
  const auto entries = static_cast<int64_t>(table.constant->bytes.size());
  std::string index = model_.node("Cast", {forms(from).stored}, model_.unique(own + ":index"),
                                  {{"to", static_cast<int64_t>(ElementType::int32)}});
  std::vector<int32_t> first;  // of each row of the table, for the stored value 0
  for (int64_t r = 0; r < entries; r += 256)
    first.push_back(static_cast<int32_t>(r + (in(node, 0).type == DType::i8 ? 128 : 0)));
  std::vector<int64_t> dims;
  if (first.size() > 1) {
    dims.assign(in(node, 0).shape.size(), 1);
    dims[1] = static_cast<int64_t>(first.size());
  }
  index = model_.node("Add", {index, model_.constant(own + ":first", dims, first)}, model_.unique(own + ":entry"));
  const std::string stored =
      model_.constant(own + ":table", element_type(table.desc.type), {entries}, table.constant->bytes);
  forms(to).stored = model_.node("Gather", {stored, index}, own, {{"axis", int64_t{0}}}, node.name);
  ++out_.tables;
  return {};
}

Status Exporter::table(const Node& node, const Unary& op) {
  const DType from = in(node, 0).type, to = graph_.desc(node.outputs[0]).type;
  if (from == DType::u8 && to == DType::i8 && options_.byte_input) return pixels_in(node);
  if (from == DType::i8 && to == DType::u8 && options_.byte_output) return pixels_out(node);
  NBL_TRY(const auto made,
          table_function(node, op, model_.unique(own_names_[static_cast<size_t>(node.outputs[0])] + ":computed")));
  if (made) return {};
  return gather_table(node);
}

}  // namespace nibble::onnx_export

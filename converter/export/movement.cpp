// Operators that move elements: shapes, slices, padding, joins.
#include <algorithm>
#include <limits>

#include "converter/export/exporter.h"
#include "core/text.h"

namespace nibble::onnx_export {

Result<std::string> Exporter::shape_constant(const Node& node, const Shape& wanted, const Shape& from,
                                             const std::string& y) {
  std::vector<int64_t> out;
  int open = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].is_const() && wanted[i].value() > 0) {
      out.push_back(wanted[i].value());
    } else if (!wanted[i].is_const() && i < from.size() && wanted[i] == from[i]) {
      out.push_back(0);
    } else {
      out.push_back(-1);
      ++open;
    }
  }
  if (open > 1) {
    return Error{Code::unsupported_op,
                 format("%s '%s' cannot be written as ONNX: the shape %s has several free dimensions; give --dim "
                        "NAME=SIZE",
                        op_name(node), node.name.c_str(), to_string(wanted).c_str())};
  }
  return integers(y + ":shape", out);
}

Status Exporter::write(const Reshape& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  NBL_TRY(const std::string shape, shape_constant(node, op.shape, in(node, 0).shape, y));
  model_.node("Reshape", {x[0], shape}, y, {}, node.name);
  return {};
}

Status Exporter::write(const Expand& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  std::vector<int64_t> sizes;
  const Shape& from = in(node, 0).shape;
  const size_t extra = op.shape.size() - from.size();
  for (size_t i = 0; i < op.shape.size(); ++i) {
    if (op.shape[i].is_const()) {
      sizes.push_back(op.shape[i].value());
    } else if (i >= extra && op.shape[i] == from[i - extra]) {
      sizes.push_back(1);  // broadcasting keeps the input's size
    } else {
      return Error{Code::unsupported_op,
                   format("Expand '%s' cannot be written as ONNX: it repeats to a free dimension; give --dim NAME=SIZE",
                          node.name.c_str())};
    }
  }
  model_.node("Expand", {x[0], integers(y + ":shape", sizes)}, y, {}, node.name);
  return {};
}

Status Exporter::write(const Slice& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  std::vector<int64_t> starts, ends, axes, steps;
  const Shape& from = in(node, 0).shape;
  for (size_t i = 0; i < op.sizes.size(); ++i) {
    if (op.steps[i] == 1 && op.starts[i] == Dim(0) && op.sizes[i] == from[i]) continue;
    const Dim last = op.starts[i] + (op.sizes[i] - Dim(1)) * Dim(op.steps[i]);
    int64_t start = 0, end = 0;
    if (op.starts[i].is_const()) {
      start = op.starts[i].value();
    } else if (op.steps[i] < 0 && op.starts[i] == from[i] - Dim(1)) {
      start = kFar;  // clamped to the last index
    } else if (const Dim back = op.starts[i] - from[i]; back.is_const() && back.value() < 0) {
      start = back.value();
    } else {
      return Error{Code::unsupported_op,
                   format("Slice '%s' cannot be written as ONNX: it begins at %s; give --dim NAME=SIZE",
                          node.name.c_str(), op.starts[i].to_string().c_str())};
    }
    if (last.is_const()) {
      end = last.value() + (op.steps[i] < 0 ? -1 : 1);
      if (end < 0) end = -kFar;
    } else if (const Dim left = from[i] - last; left.is_const() && op.steps[i] > 0) {
      end = left.value() <= 1 ? kFar : 1 - left.value();
    } else {
      return Error{Code::unsupported_op,
                   format("Slice '%s' cannot be written as ONNX: it ends at %s; give --dim NAME=SIZE",
                          node.name.c_str(), last.to_string().c_str())};
    }
    starts.push_back(start);
    ends.push_back(end);
    axes.push_back(static_cast<int64_t>(i));
    steps.push_back(op.steps[i]);
  }
  if (axes.empty()) {
    model_.node("Identity", {x[0]}, y, {}, node.name);
    return {};
  }
  model_.node("Slice",
              {x[0], integers(y + ":starts", starts), integers(y + ":ends", ends), integers(y + ":axes", axes),
               integers(y + ":steps", steps)},
              y, {}, node.name);
  return {};
}

Status Exporter::write(const Pad& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  std::vector<int64_t> pads = op.begins;
  pads.insert(pads.end(), op.ends.begin(), op.ends.end());
  if (op.mode != PadMode::wrap) {
    static constexpr const char* kModes[] = {"constant", "reflect", "edge"};
    Names inputs{x[0], integers(y + ":pads", pads)};
    if (op.mode == PadMode::constant) inputs.push_back(model_.scalar(y + ":value", op.value));
    model_.node("Pad", inputs, y, {{"mode", std::string(kModes[static_cast<size_t>(op.mode)])}}, node.name);
    return {};
  }
  // The opset has no wrapping: the other end is joined on.
  std::string all = x[0];
  const Shape& from = in(node, 0).shape;
  for (size_t i = 0; i < op.begins.size(); ++i) {
    const int64_t before = op.begins[i], after = op.ends[i];
    if (before == 0 && after == 0) continue;
    if (!from[i].is_const() || before > from[i].value() || after > from[i].value()) {
      return Error{Code::unsupported_op,
                   format("Pad '%s' cannot be written as ONNX: wrapping by more than the size, or "
                          "around a free dimension",
                          node.name.c_str())};
    }
    const auto axis = static_cast<int64_t>(i);
    const auto cut = [&](int64_t start, int64_t end) {
      return model_.node(
          "Slice", {all, integers(y + ":start", {start}), integers(y + ":end", {end}), integers(y + ":axis", {axis})},
          model_.unique(y + ":part"));
    };
    Names parts;
    if (before) parts.push_back(cut(from[i].value() - before, from[i].value()));
    parts.push_back(all);
    if (after) parts.push_back(cut(0, after));
    all = model_.node("Concat", parts, model_.unique(y + ":wrapped"), {{"axis", axis}});
  }
  model_.node("Identity", {all}, y, {}, node.name);
  return {};
}

Status Exporter::write(const Concat& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  model_.node("Concat", x, y, {{"axis", static_cast<int64_t>(op.axis)}}, node.name);
  return {};
}

Status Exporter::write(const Transpose& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  model_.node("Transpose", {x[0]}, y, {{"perm", op.perm}}, node.name);
  return {};
}

Status Exporter::write(const Gather& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  model_.node("Gather", x, y, {{"axis", static_cast<int64_t>(op.axis)}}, node.name);
  return {};
}

Status Exporter::write(const Convert&, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  const DType from = in(node, 0).type, to = graph_.desc(node.outputs[0]).type;
  const auto whole = [](DType t) { return t == DType::i32 || t == DType::i64 || t == DType::boolean; };
  if (whole(from) == whole(to) && !whole(from)) {  // both real: store() casts or quantizes
    model_.node("Identity", {x[0]}, y, {}, node.name);
    return {};
  }
  model_.node("Cast", {x[0]}, y, {{"to", static_cast<int64_t>(whole(to) ? element_type(to) : ElementType::float32)}},
              node.name);
  return {};
}

}  // namespace nibble::onnx_export

// Operators on floats: nibble's in ONNX's words.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "converter/export/exporter.h"
#include "core/text.h"

namespace nibble::onnx_export {
namespace {

Error refused(const Node& node, const std::string& why) {
  return {Code::unsupported_op,
          format("%s '%s' cannot be written as ONNX: %s", op_name(node), node.name.c_str(), why.c_str())};
}

std::vector<int64_t> ints(std::initializer_list<int64_t> values) { return values; }

}  // namespace

Status Exporter::operation(const Node& node, const std::vector<std::string>& x, const std::string& y) {
  return visit_op(*node.op, [&](const auto& op) { return write(op, node, x, y); });
}

std::string Exporter::unary(UnaryKind kind, float a, float b, const std::string& x, const std::string& y,
                            const std::string& name) {
  const auto part = [&](const char* what) { return model_.unique(y + what); };
  const auto plain = [&](const char* type, const Attributes& attributes = {}) {
    return model_.node(type, {x}, y, attributes, name);
  };
  switch (kind) {
    case UnaryKind::identity: return plain("Identity");
    case UnaryKind::relu: return plain("Relu");
    case UnaryKind::clip: {
      const std::string low = std::isfinite(a) ? model_.scalar(y + ":low", a) : "";
      const std::string high = std::isfinite(b) ? model_.scalar(y + ":high", b) : "";
      Names inputs{x, low};
      if (!high.empty()) inputs.push_back(high);
      return model_.node("Clip", inputs, y, {}, name);
    }
    case UnaryKind::leaky_relu: return plain("LeakyRelu", {{"alpha", a}});
    case UnaryKind::sigmoid: return plain("Sigmoid");
    case UnaryKind::silu: {
      const std::string gate = model_.node("Sigmoid", {x}, part(":gate"));
      return model_.node("Mul", {x, gate}, y, {}, name);
    }
    case UnaryKind::tanh: return plain("Tanh");
    case UnaryKind::hard_sigmoid: return plain("HardSigmoid", {{"alpha", a}, {"beta", b}});
    case UnaryKind::hard_swish: return plain("HardSwish");
    case UnaryKind::exp: return plain("Exp");
    case UnaryKind::log: return plain("Log");
    case UnaryKind::sqrt: return plain("Sqrt");
    case UnaryKind::reciprocal: return plain("Reciprocal");
    case UnaryKind::neg: return plain("Neg");
    case UnaryKind::abs: return plain("Abs");
    case UnaryKind::gelu:
    case UnaryKind::gelu_tanh: {
      std::string inner = x;
      if (kind == UnaryKind::gelu_tanh) {  // sqrt(2 / pi) * (x + 0.044715 x^3)
        const std::string square = model_.node("Mul", {x, x}, part(":square"));
        const std::string cubic = model_.scalar(y + ":cubic", 0.044715f), one = model_.scalar(y + ":unit", 1.0f);
        const std::string scaled = model_.node("Mul", {square, cubic}, part(":scaled"));
        const std::string factor = model_.node("Add", {scaled, one}, part(":factor"));
        inner = model_.node("Mul", {x, factor}, part(":inner"));
      }
      const std::string unit = model_.scalar(y + ":argument", kind == UnaryKind::gelu ? 0.70710678f : 0.79788456f);
      const std::string argument = model_.node("Mul", {inner, unit}, part(":scaled_input"));
      const std::string f = model_.node(kind == UnaryKind::gelu ? "Erf" : "Tanh", {argument}, part(":function"));
      const std::string raised = model_.node("Add", {f, model_.scalar(y + ":one", 1.0f)}, part(":raised"));
      const std::string twice = model_.node("Mul", {x, raised}, part(":twice"));
      return model_.node("Mul", {twice, model_.scalar(y + ":half", 0.5f)}, y, {}, name);
    }
    case UnaryKind::elu: return plain("Elu", {{"alpha", a}});
    case UnaryKind::selu: return plain("Selu", {{"alpha", a}, {"gamma", b}});
    case UnaryKind::softplus: return plain("Softplus");
    case UnaryKind::softsign: return plain("Softsign");
    case UnaryKind::mish: {
      const std::string soft = model_.node("Softplus", {x}, part(":softplus"));
      const std::string gate = model_.node("Tanh", {soft}, part(":gate"));
      return model_.node("Mul", {x, gate}, y, {}, name);
    }
    case UnaryKind::erf: return plain("Erf");
    case UnaryKind::floor: return plain("Floor");
    case UnaryKind::ceil: return plain("Ceil");
    case UnaryKind::round: return plain("Round");
    case UnaryKind::sign: return plain("Sign");
    case UnaryKind::thresholded_relu: return plain("ThresholdedRelu", {{"alpha", a}});
    case UnaryKind::celu: return plain("Celu", {{"alpha", a}});
    case UnaryKind::sin: return plain("Sin");
    case UnaryKind::cos: return plain("Cos");
    case UnaryKind::affine: {
      if (a == 1.0f && b == 0.0f) return plain("Identity");
      if (b == 0.0f) return model_.node("Mul", {x, model_.scalar(y + ":factor", a)}, y, {}, name);
      std::string scaled = x;
      if (a != 1.0f) scaled = model_.node("Mul", {x, model_.scalar(y + ":factor", a)}, part(":scaled"));
      return model_.node("Add", {scaled, model_.scalar(y + ":offset", b)}, y, {}, name);
    }
  }
  return plain("Identity");
}

std::string Exporter::binary(BinaryKind kind, const std::string& a, const std::string& b, const std::string& y,
                             const std::string& name) {
  const char* type = "Add";
  switch (kind) {
    case BinaryKind::add: type = "Add"; break;
    case BinaryKind::sub: type = "Sub"; break;
    case BinaryKind::mul: type = "Mul"; break;
    case BinaryKind::div: type = "Div"; break;
    case BinaryKind::max: type = "Max"; break;
    case BinaryKind::min: type = "Min"; break;
    case BinaryKind::pow: type = "Pow"; break;
    case BinaryKind::prelu: type = "PRelu"; break;
  }
  return model_.node(type, {a, b}, y, {}, name);
}

Status Exporter::write(const Unary& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  unary(op.kind, op.a, op.b, x[0], y, node.name);
  return {};
}

Status Exporter::write(const Binary& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  return activated(op.activation, y, node.name, [&](const std::string& to) -> Status {
    binary(op.kind, x[0], x[1], to, node.name);
    return {};
  });
}

Status Exporter::write(const MatMul& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  Names inputs = x;
  for (size_t i = 0; i < 2; ++i) {
    if (!(i == 0 ? op.transpose_a : op.transpose_b)) continue;
    std::vector<int64_t> perm(in(node, i).shape.size());
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    inputs[i] = model_.node("Transpose", {x[i]}, model_.unique(y + ":transposed"), {{"perm", perm}});
  }
  model_.node("MatMul", inputs, y, {}, node.name);
  return {};
}

Status Exporter::write(const Pool2d& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  Attributes attributes{{"kernel_shape", ints({op.kernel_h, op.kernel_w})},
                        {"strides", ints({op.stride_h, op.stride_w})},
                        {"pads", ints({op.pad_top, op.pad_left, op.pad_bottom, op.pad_right})},
                        {"ceil_mode", static_cast<int64_t>(op.ceil_mode)}};
  if (op.kind == PoolKind::max) {
    attributes.push_back({"dilations", ints({op.dilation_h, op.dilation_w})});
  } else {
    if (op.dilation_h != 1 || op.dilation_w != 1)
      return refused(node, format("opset %d has no dilated average pooling", static_cast<int>(kOpset)));
    attributes.push_back({"count_include_pad", static_cast<int64_t>(op.count_include_pad)});
  }
  model_.node(op.kind == PoolKind::max ? "MaxPool" : "AveragePool", {x[0]}, y, attributes, node.name);
  return {};
}

Status Exporter::write(const Reduce& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  const size_t rank = in(node, 0).shape.size();
  bool spatial = op.keep_dims && rank >= 3 && op.axes.size() == rank - 2;
  for (size_t i = 0; spatial && i < op.axes.size(); ++i) spatial = op.axes[i] == static_cast<int64_t>(i) + 2;
  if (spatial && (op.kind == ReduceKind::mean || op.kind == ReduceKind::max)) {
    model_.node(op.kind == ReduceKind::mean ? "GlobalAveragePool" : "GlobalMaxPool", {x[0]}, y, {}, node.name);
    return {};
  }
  const Attribute keep{"keepdims", static_cast<int64_t>(op.keep_dims)};
  if (op.kind == ReduceKind::sum) {
    model_.node("ReduceSum", {x[0], integers(y + ":axes", op.axes)}, y, {keep}, node.name);
    return {};
  }
  const char* type = "ReduceMean";
  switch (op.kind) {
    case ReduceKind::mean:
    case ReduceKind::sum: break;
    case ReduceKind::max: type = "ReduceMax"; break;
    case ReduceKind::min: type = "ReduceMin"; break;
    case ReduceKind::sum_square: type = "ReduceSumSquare"; break;
    case ReduceKind::l1: type = "ReduceL1"; break;
    case ReduceKind::l2: type = "ReduceL2"; break;
    case ReduceKind::prod: type = "ReduceProd"; break;
    case ReduceKind::log_sum_exp: type = "ReduceLogSumExp"; break;
  }
  model_.node(type, {x[0]}, y, {{"axes", op.axes}, keep}, node.name);
  return {};
}

Status Exporter::write(const Softmax& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  model_.node(op.log ? "LogSoftmax" : "Softmax", {x[0]}, y, {{"axis", static_cast<int64_t>(op.axis)}}, node.name);
  return {};
}

Status Exporter::write(const Resize& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  static constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  static constexpr const char* kCoordinates[] = {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"};
  static constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  const auto coordinates = static_cast<size_t>(op.coordinates);
  if (coordinates >= std::size(kCoordinates))
    return refused(node, format("opset %d does not have its way of placing pixels", static_cast<int>(kOpset)));
  Names inputs{x[0], ""};
  const Shape& from = in(node, 0).shape;
  if (op.scale_h != 0.0f && op.scale_w != 0.0f) {
    inputs.push_back(model_.constant<float>(y + ":scales", {4}, {1.0f, 1.0f, op.scale_h, op.scale_w}));
  } else {
    const Shape& to = graph_.desc(node.outputs[0]).shape;
    if (!is_const(to)) return refused(node, "its size depends on a free dimension; give --dim NAME=SIZE");
    inputs.insert(inputs.end(),
                  {"", integers(y + ":sizes", {from[0].value(), from[1].value(), to[2].value(), to[3].value()})});
  }
  Attributes attributes{{"mode", std::string(kModes[static_cast<size_t>(op.mode)])},
                        {"coordinate_transformation_mode", std::string(kCoordinates[coordinates])}};
  if (op.mode == ResizeMode::nearest)
    attributes.push_back({"nearest_mode", std::string(kNearest[static_cast<size_t>(op.nearest)])});
  if (op.mode == ResizeMode::cubic) {
    attributes.push_back({"cubic_coeff_a", op.cubic_a});
    attributes.push_back({"exclude_outside", static_cast<int64_t>(op.exclude_outside)});
  }
  model_.node("Resize", inputs, y, attributes, node.name);
  return {};
}

Status Exporter::write(const ArgReduce& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  model_.node(op.minimum ? "ArgMin" : "ArgMax", {x[0]}, y,
              {{"axis", static_cast<int64_t>(op.axis)},
               {"keepdims", static_cast<int64_t>(op.keep_dims)},
               {"select_last_index", static_cast<int64_t>(op.last_index)}},
              node.name);
  return {};
}

Status Exporter::write(const InstanceNorm& op, const Node& node, const std::vector<std::string>& x,
                       const std::string& y) {
  const Dim channels = in(node, 0).shape[1];
  const auto c = channels.is_const() ? channels.value() : 0;
  const auto given = [&](size_t i) { return x.size() > i && !x[i].empty(); };
  if (op.groups == 0 && c == 0 && !(given(1) && given(2)))
    return refused(node, "its number of channels is a free dimension");
  return activated(op.activation, y, node.name, [&](const std::string& to) -> Status {
    const auto all = [&](const char* what, int64_t n, float value) {
      return model_.constant(to + what, {n}, std::vector<float>(static_cast<size_t>(n), value));
    };
    const Attributes epsilon{{"epsilon", op.epsilon}};
    if (op.groups == 0) {
      model_.node("InstanceNormalization",
                  {x[0], given(1) ? x[1] : all(":scale", c, 1.0f), given(2) ? x[2] : all(":bias", c, 0.0f)}, to,
                  epsilon, node.name);
      return {};
    }
    // Group normalization: the channels of a group become one long channel.
    const std::string shape = model_.node("Shape", {x[0]}, model_.unique(to + ":shape"));
    const std::string joined =
        model_.node("Reshape", {x[0], integers(to + ":groups", {0, op.groups, -1})}, model_.unique(to + ":joined"));
    const std::string normal =
        model_.node("InstanceNormalization", {joined, all(":unit", op.groups, 1.0f), all(":none", op.groups, 0.0f)},
                    model_.unique(to + ":normal"), epsilon, node.name);
    std::string out = model_.node("Reshape", {normal, shape}, given(1) || given(2) ? model_.unique(to + ":apart") : to);
    std::vector<int64_t> broadcast{c};
    broadcast.resize(in(node, 0).shape.size() - 1, 1);
    for (const size_t slot : {size_t{1}, size_t{2}}) {
      if (!given(slot)) continue;
      const std::string wide =
          model_.node("Reshape", {x[slot], integers(to + ":broadcast", broadcast)}, model_.unique(to + ":wide"));
      const bool last = slot == 2 || !given(2);
      out = model_.node(slot == 1 ? "Mul" : "Add", {out, wide}, last ? to : model_.unique(to + ":scaled"));
    }
    return {};
  });
}

Status Exporter::write(const LayerNorm& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  const Shape& shape = in(node, 0).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  std::vector<int64_t> axes, sizes;
  for (int64_t i = axis; i < rank; ++i) {
    const Dim& d = shape[static_cast<size_t>(i)];
    if (!d.is_const()) return refused(node, "a normalized axis is a free dimension");
    axes.push_back(i);
    sizes.push_back(d.value());
  }
  const auto given = [&](size_t i) { return x.size() > i && !x[i].empty(); };
  if (!op.rms) {
    const int64_t n = std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
    Names inputs{
        x[0], given(1) ? x[1] : model_.constant(y + ":scale", sizes, std::vector<float>(static_cast<size_t>(n), 1.0f))};
    if (given(2)) inputs.push_back(x[2]);
    model_.node("LayerNormalization", inputs, y, {{"axis", axis}, {"epsilon", op.epsilon}}, node.name);
    return {};
  }
  const auto part = [&](const char* what) { return model_.unique(y + what); };
  const std::string square = model_.node("Mul", {x[0], x[0]}, part(":square"));
  const std::string mean =
      model_.node("ReduceMean", {square}, part(":mean"), {{"axes", axes}, {"keepdims", int64_t{1}}});
  const std::string raised = model_.node("Add", {mean, model_.scalar(y + ":epsilon", op.epsilon)}, part(":raised"));
  const std::string root = model_.node("Sqrt", {raised}, part(":root"));
  std::string out = model_.node("Div", {x[0], root}, given(1) || given(2) ? part(":normal") : y, {}, node.name);
  for (const size_t slot : {size_t{1}, size_t{2}}) {
    if (!given(slot)) continue;
    const bool last = slot == 2 || !given(2);
    out = model_.node(slot == 1 ? "Mul" : "Add", {out, x[slot]}, last ? y : part(":scaled"));
  }
  return {};
}

}  // namespace nibble::onnx_export

// Operators that are a few others in a row: ONNX's and ONNX Runtime's own.
#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>

#include "converter/onnx/expansion.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

// Axes as opset `since` and later take them (an input), or earlier ones (an attribute).
std::string reduce(NodeContext& node, Expansion& to, const std::string& type, const std::string& x,
                   const std::vector<int64_t>& axes, int64_t since, bool keep, const std::string& y = "") {
  const bool input = node.opset() >= since && !axes.empty();
  const std::string list = input ? to.integers(axes, ::onnx::TensorProto::INT64, true) : "";
  const std::string out = to.add(type, {x, list}, y);
  if (!input && !axes.empty()) to.set("axes", axes);
  to.set("keepdims", static_cast<int64_t>(keep));
  return out;
}

// The activation of a fused operator, behind `x`; its parameters in the order of its attributes, those absent empty.
Status activate(NodeContext& node, Expansion& to, const std::string& type,
                const std::vector<std::optional<float>>& parameters, const std::string& x) {
  struct Row {
    const char* type;
    std::vector<const char*> names;
  };
  static const Row rows[] = {
      {"Relu", {}}, {"Sigmoid", {}}, {"Tanh", {}}, {"LeakyRelu", {"alpha"}}, {"HardSigmoid", {"alpha", "beta"}}};
  if (type == "Clip" && parameters.size() == 2 && parameters[0] && parameters[1]) {
    const std::string low = to.floats({*parameters[0]}), high = to.floats({*parameters[1]});
    to.add("Max", {to.add("Min", {x, high}), low}, to.out());
    return {};
  }
  for (const Row& row : rows) {
    if (type != row.type) continue;
    to.add(type, {x}, to.out());
    for (size_t i = 0; i < std::min(row.names.size(), parameters.size()); ++i) {
      if (parameters[i]) to.set(row.names[i], *parameters[i]);
    }
    return {};
  }
  return node.unsupported("the activation '" + type + "' is not supported");
}

struct Operand {
  std::string labels;
  TensorId id = kNoTensor;
};

// The axes in the order of `wanted`, which has the same labels.
Status arrange(NodeContext& node, Operand& x, const std::string& wanted) {
  if (x.labels == wanted) return {};
  Transpose op;
  for (char c : wanted) op.perm.push_back(static_cast<int64_t>(x.labels.find(c)));
  NBL_TRY(x.id, node.emit(op, {x.id}));
  x.labels = wanted;
  return {};
}

// Sums over the axes whose labels nobody wants.
Status sum_away(NodeContext& node, Operand& x, const std::string& wanted) {
  Reduce op{.kind = ReduceKind::sum};
  op.keep_dims = false;
  std::string left;
  for (size_t i = 0; i < x.labels.size(); ++i) {
    if (wanted.find(x.labels[i]) == std::string::npos) {
      op.axes.push_back(static_cast<int64_t>(i));
    } else {
      left += x.labels[i];
    }
  }
  if (op.axes.empty()) return {};
  NBL_TRY(x.id, node.emit(op, {x.id}));
  x.labels = left;
  return {};
}

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

constexpr size_t kMostShown = 60;  // letters of an equation in a message

// What of labels is no set of different letters, or nothing.
std::string odd_part(const std::string& labels) {
  if (labels.find("...") != std::string::npos) return "an ellipsis";
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto c = static_cast<unsigned char>(labels[i]);
    if (!std::isalpha(c)) return std::isprint(c) ? format("'%c'", labels[i]) : format("byte 0x%02x", c);
    if (labels.find(labels[i], i + 1) != std::string::npos)
      return format("the label '%c' twice in a tensor", labels[i]);
  }
  return "";
}

Result<Equation> read_equation(NodeContext& node) {
  NBL_TRY(std::string text, node.text("equation", ""));
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  Equation out;
  for (size_t at = 0, end = std::min(arrow, text.size()); at <= end;) {
    const size_t comma = std::min(text.find(',', at), end);
    out.inputs.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  if (arrow != std::string::npos) {
    out.output = text.substr(arrow + 2);
  } else {  // labels that occur once, in their order
    for (char c : text) {
      if (c != ',' && std::count(text.begin(), text.end(), c) == 1) out.output += c;
    }
    std::sort(out.output.begin(), out.output.end());
  }
  const std::string shown =
      "the equation '" + (text.size() > kMostShown ? text.substr(0, kMostShown) + "..." : text) + "'";
  if (out.inputs.size() != node.inputs() || out.inputs.size() > 2)
    return node.unsupported(format("%s names %zu tensors, the node has %zu; supported with one or two", shown.c_str(),
                                   out.inputs.size(), node.inputs()));
  std::vector<std::string> all = out.inputs;
  all.push_back(out.output);
  for (const std::string& labels : all) {
    if (const std::string odd = odd_part(labels); !odd.empty())
      return node.unsupported(shown + " has " + odd + "; supported are different letters");
  }
  for (size_t i = 0; i < out.inputs.size(); ++i) {
    if (out.inputs[i].size() != node.rank(i))
      return node.fail(
          format("%s has %zu axes of an input of rank %zu", shown.c_str(), out.inputs[i].size(), node.rank(i)));
  }
  for (char c : out.output) {
    if (text.substr(0, arrow).find(c) == std::string::npos) return node.fail(format("the axis '%c' has no input", c));
  }
  return out;
}

}  // namespace

// A product of matrices over the labels that both have, one for each value of the labels that also stay.
Status import_einsum(NodeContext& node) {
  NBL_TRY(const Equation equation, read_equation(node));
  std::vector<Operand> x;
  for (size_t i = 0; i < equation.inputs.size(); ++i) {
    NBL_TRY(const TensorId id, node.tensor(i));
    x.push_back({equation.inputs[i], id});
  }
  for (size_t i = 0; i < x.size(); ++i)
    NBL_CHECK(sum_away(node, x[i], equation.output + (x.size() > 1 ? x[1 - i].labels : std::string())));
  if (x.size() == 1) {
    NBL_CHECK(arrange(node, x[0], equation.output));
    return node.set(0, x[0].id);
  }
  if (node.is_constant(0) && !node.is_constant(1)) std::swap(x[0], x[1]);
  std::string batch, rows, columns, inner;
  Shape batches;
  Dim m(1), k(1), n(1);
  for (size_t side = 0; side < 2; ++side) {
    const Shape shape = node.desc(x[side].id).shape;
    for (size_t i = 0; i < shape.size(); ++i) {
      const char c = x[side].labels[i];
      const size_t other = x[1 - side].labels.find(c);
      if (other == std::string::npos) {
        (side ? columns : rows) += c;
        (side ? n : m) *= shape[i];
        continue;
      }
      if (side) continue;
      if (const Dim& size = node.desc(x[1].id).shape[other]; !(size == shape[i]))
        return node.fail(format("the axis '%c' has two sizes, %s and %s", c, shape[i].to_string().c_str(),
                                size.to_string().c_str()));
      if (equation.output.find(c) == std::string::npos) {
        inner += c;
        k *= shape[i];
      } else {
        batch += c;
        batches.push_back(shape[i]);
      }
    }
  }
  NBL_CHECK(arrange(node, x[0], batch + rows + inner));
  const bool linear = batch.empty() && node.graph_tensor(x[1].id).is_constant();
  NBL_CHECK(arrange(node, x[1], linear ? columns + inner : batch + inner + columns));
  Shape whole = batches;
  const Shape left = node.desc(x[0].id).shape, right = node.desc(x[1].id).shape;
  const auto sizes = [](const Shape& from, size_t begin, size_t count) {
    return Shape(from.begin() + static_cast<long>(begin), from.begin() + static_cast<long>(begin + count));
  };
  for (const Dim& d : sizes(left, batch.size(), rows.size())) whole.push_back(d);
  for (const Dim& d : sizes(right, linear ? 0 : batch.size() + inner.size(), columns.size())) whole.push_back(d);
  Shape a = batches, b = linear ? Shape{} : batches;
  a.insert(a.end(), {m, k});
  b.insert(b.end(), {linear ? n : k, linear ? k : n});
  NBL_TRY(x[0].id, node.reshape(x[0].id, a));
  NBL_TRY(x[1].id, node.reshape(x[1].id, b));
  Operand y{batch + rows + columns};
  NBL_TRY(y.id, linear ? node.emit(Linear{}, {x[0].id, x[1].id}) : node.emit(MatMul{}, {x[0].id, x[1].id}));
  NBL_TRY(y.id, node.reshape(y.id, whole));
  NBL_CHECK(arrange(node, y, equation.output));
  return node.set(0, y.id);
}

// (x - mean) / (sqrt(mean of x^2 - mean^2) + 1e-9)
Status import_mean_variance_normalization(NodeContext& node) {
  NBL_TRY(const std::vector<int64_t> axes, node.integers("axes", {0, 2, 3}));
  Expansion to(node);
  const std::string mean = reduce(node, to, "ReduceMean", to.in(0), axes, 18, true);
  const std::string centered = to.add("Sub", {to.in(0), mean});
  const std::string square = to.add("Mul", {centered, centered});
  const std::string deviation = to.add("Sqrt", {reduce(node, to, "ReduceMean", square, axes, 18, true)});
  to.add("Div", {centered, to.add("Add", {deviation, to.floats({1e-9f})})}, to.out());
  return to.run();
}

// The p-norm of each window: the mean of |x|^p there, times its size.
Status import_lp_pool(NodeContext& node) {
  double p = 2;  // a float in opset 1
  if (const auto* a = node.attribute("p"); a && a->type() == ::onnx::AttributeProto::FLOAT) {
    p = static_cast<double>(a->f());
  } else {
    NBL_TRY(const int64_t whole, node.integer("p", 2));
    p = static_cast<double>(whole);
  }
  if (p != 1 && p != 2) return node.unsupported(format("p is %g, supported: 1 and 2", p));
  Expansion to(node);
  if (node.type() == "GlobalLpPool") {
    if (node.rank(0) < 3)
      return node.fail(format("an input of rank %zu, expected images and channels with axes behind", node.rank(0)));
    std::vector<int64_t> axes(node.rank(0) - 2);
    std::iota(axes.begin(), axes.end(), 2);
    reduce(node, to, p == 1 ? "ReduceL1" : "ReduceL2", to.in(0), axes, 18, true, to.out());
    return to.run();
  }
  NBL_TRY(const int64_t ceil, node.integer("ceil_mode", 0));
  if (ceil) return node.unsupported("ceil_mode is not supported");
  NBL_TRY(const std::vector<int64_t> kernel, node.integers("kernel_shape", {}));
  double size = 1.0;
  for (int64_t k : kernel) size *= static_cast<double>(k);
  const std::string powers = p == 1 ? to.add("Abs", {to.in(0)}) : to.add("Mul", {to.in(0), to.in(0)});
  const std::string mean = to.add("AveragePool", {powers});
  to.copy_attributes({"p"});
  to.set("count_include_pad", int64_t{1});
  const std::string sum = to.add("Mul", {mean, to.floats({static_cast<float>(size)})}, p == 1 ? to.out() : "");
  if (p == 2) to.add("Sqrt", {sum}, to.out());
  return to.run();
}

Status import_reduce_log_sum(NodeContext& node) {
  NBL_TRY(std::vector<int64_t> axes, node.integers("axes", {}));
  NBL_TRY(const int64_t keep, node.integer("keepdims", 1));
  NBL_TRY(const int64_t noop, node.integer("noop_with_empty_axes", 0));
  if (node.has(1)) {
    NBL_TRY(axes, node.ints(1));
  }
  if (noop && axes.empty())  // the input as it is in some versions of ONNX, its logarithm in others
    return node.unsupported("noop_with_empty_axes without axes is not supported");
  Expansion to(node);
  to.add("Log", {reduce(node, to, "ReduceSum", to.in(0), axes, 13, keep != 0)}, to.out());
  return to.run();
}

// x times sigmoid(alpha * x)
Status import_swish(NodeContext& node) {
  NBL_TRY(const float alpha, node.real("alpha", node.type() == "QuickGelu" ? 1.702f : 1.0f));
  Expansion to(node);
  const std::string x = alpha == 1.0f ? to.in(0) : to.add("Mul", {to.in(0), to.floats({alpha})});
  to.add("Mul", {to.in(0), to.add("Sigmoid", {x})}, to.out());
  return to.run();
}

Status import_cast_like(NodeContext& node) {
  int64_t type = ::onnx::TensorProto::FLOAT;
  switch (node.value(1).type) {
    case DType::i64: type = ::onnx::TensorProto::INT64; break;
    case DType::boolean: type = ::onnx::TensorProto::BOOL; break;
    case DType::i8: type = ::onnx::TensorProto::INT8; break;
    case DType::u8: type = ::onnx::TensorProto::UINT8; break;
    default: break;
  }
  Expansion to(node);
  to.add("Cast", {to.in(0)}, to.out());
  to.copy_attributes();
  to.set("to", type);
  return to.run();
}

// Gelu of x, plus a bias in some.
Status import_bias_gelu(NodeContext& node) {
  Expansion to(node);
  const std::string x = node.has(1) ? to.add("Add", {to.in(0), to.in(1)}) : to.in(0);
  to.add("Gelu", {x}, to.out());
  if (node.type() == "FastGelu") to.set("approximate", std::string("tanh"));
  return to.run();
}

// x, w, b, and what is added before the activation
Status import_fused_conv(NodeContext& node) {
  NBL_TRY(const std::string activation, node.text("activation", ""));
  NBL_TRY(const std::vector<float> parameters, node.reals("activation_params", {}));
  Expansion to(node);
  std::string y = to.add("Conv", {to.in(0), to.in(1), to.in(2)});
  to.copy_attributes({"activation", "activation_params"});
  if (node.has(3)) y = to.add("Add", {y, to.in(3)});
  NBL_CHECK(activate(node, to, activation, {parameters.begin(), parameters.end()}, y));
  return to.run();
}

Status import_fused_gemm(NodeContext& node) {
  NBL_TRY(const std::string activation, node.text("activation", ""));
  std::vector<std::optional<float>> parameters;
  for (const char* name : {"activation_alpha", "activation_beta"}) {
    parameters.emplace_back();
    if (!node.has_attribute(name)) continue;
    NBL_TRY(parameters.back(), node.real(name, 0.0f));
  }
  node.ignore("activation_gamma");
  Expansion to(node);
  const std::string y = to.add("Gemm", {to.in(0), to.in(1), to.in(2)});
  to.copy_attributes({"activation", "activation_alpha", "activation_beta", "activation_gamma"});
  NBL_CHECK(activate(node, to, activation, parameters, y));
  return to.run();
}

Status import_fused_matmul(NodeContext& node) {
  NBL_TRY(const float alpha, node.real("alpha", 1.0f));
  Expansion to(node);
  std::vector<std::string> sides;
  for (size_t i = 0; i < 2; ++i) {
    NBL_TRY(const int64_t batches, node.integer(i ? "transBatchB" : "transBatchA", 0));
    if (batches) return node.unsupported("transposed batches are not supported");
    NBL_TRY(const int64_t transposed, node.integer(i ? "transB" : "transA", 0));
    if (!transposed || node.rank(i) < 2) {
      sides.push_back(to.in(i));
      continue;
    }
    std::vector<int64_t> perm(node.rank(i));
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    sides.push_back(to.add("Transpose", {to.in(i)}));
    to.set("perm", perm);
  }
  const std::string y = to.add("MatMul", sides, alpha == 1.0f ? to.out() : "");
  if (alpha != 1.0f) to.add("Mul", {y, to.floats({alpha})}, to.out());
  return to.run();
}

}  // namespace nibble::onnx_import

#include "converter/onnx/finite.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "core/text.h"
#include "ops/op.h"

namespace nibble::onnx_import {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargestExponent = 88.0;  // exp of it is a float still
constexpr int kMaxSteps = 32;              // that bounds are followed back

struct Bounds {
  double low = -kInfinity;
  double high = kInfinity;
};

Bounds joined(Bounds a, Bounds b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

// Bounds of f over bounds that f keeps in order.
template <class F>
Bounds rising(Bounds x, F f) {
  return {f(x.low), f(x.high)};
}

class Bounding {
 public:
  explicit Bounding(const Graph& graph) : graph_(graph), makers_(producers(graph)) {}

  const Node* maker(TensorId id) const {
    const NodeId n = makers_[static_cast<size_t>(id)];
    return n < 0 ? nullptr : &graph_.nodes[static_cast<size_t>(n)];
  }

  Bounds of(TensorId id, int steps = kMaxSteps) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    const Tensor& tensor = graph_.tensor(id);
    Bounds out;
    if (tensor.desc.type != DType::f32) return out;
    if (tensor.is_constant()) {
      const auto values = tensor.constant->as<float>();
      if (!values.empty()) out = {kInfinity, -kInfinity};
      for (float v : values) out = joined(out, {double{v}, double{v}});
    } else if (const Node* node = maker(id); node && steps > 0) {
      if (const auto* unary = op_if<Unary>(*node)) {
        out = of_unary(*unary, of(node->inputs[0], steps - 1));
      } else if (const auto* binary = op_if<Binary>(*node)) {
        out = of_binary(*binary, *node, steps - 1);
      } else if (const auto* reduce = op_if<Reduce>(*node)) {
        out = of_reduce(*reduce, of(node->inputs[0], steps - 1));
      } else if (op_if<Reshape>(*node) || op_if<Transpose>(*node) || op_if<Slice>(*node) || op_if<Expand>(*node) ||
                 op_if<Gather>(*node)) {
        out = of(node->inputs[0], steps - 1);
      }
    }
    if (std::isnan(out.low) || std::isnan(out.high)) out = {};
    known_[id] = out;
    return out;
  }

  bool without_zero(TensorId id) {
    const Tensor& tensor = graph_.tensor(id);
    if (tensor.is_constant() && tensor.desc.type == DType::f32) {
      const auto values = tensor.constant->as<float>();
      return std::none_of(values.begin(), values.end(), [](float v) { return v == 0.0f; });
    }
    const Bounds bounds = of(id);
    return bounds.low > 0.0 || bounds.high < 0.0;
  }

 private:
  static Bounds of_unary(const Unary& op, Bounds x) {
    const double a = double{op.a}, b = double{op.b};
    switch (op.kind) {
      case UnaryKind::identity: return x;
      case UnaryKind::relu: return rising(x, [](double v) { return std::max(v, 0.0); });
      case UnaryKind::clip: return rising(x, [&](double v) { return std::min(std::max(v, a), b); });
      case UnaryKind::exp: return rising(x, [](double v) { return std::exp(v); });
      case UnaryKind::sqrt: return rising(x, [](double v) { return std::sqrt(std::max(v, 0.0)); });
      case UnaryKind::neg: return {-x.high, -x.low};
      case UnaryKind::abs: return {std::max({0.0, x.low, -x.high}), std::max(std::abs(x.low), std::abs(x.high))};
      case UnaryKind::affine:
        return a < 0.0 ? Bounds{a * x.high + b, a * x.low + b} : Bounds{a * x.low + b, a * x.high + b};
      case UnaryKind::sigmoid:
      case UnaryKind::hard_sigmoid: return {0.0, 1.0};
      case UnaryKind::softplus: return {0.0, kInfinity};
      case UnaryKind::tanh:
      case UnaryKind::sin:
      case UnaryKind::cos:
      case UnaryKind::erf:
      case UnaryKind::softsign:
      case UnaryKind::sign: return {-1.0, 1.0};
      default: return {};
    }
  }

  Bounds of_binary(const Binary& op, const Node& node, int steps) {
    const Bounds x = of(node.inputs[0], steps), y = of(node.inputs[1], steps);
    switch (op.kind) {
      case BinaryKind::add: return {x.low + y.low, x.high + y.high};
      case BinaryKind::sub: return {x.low - y.high, x.high - y.low};
      case BinaryKind::max: return {std::max(x.low, y.low), std::max(x.high, y.high)};
      case BinaryKind::min: return {std::min(x.low, y.low), std::min(x.high, y.high)};
      case BinaryKind::mul:
        if (node.inputs[0] == node.inputs[1]) return {0.0, kInfinity};
        return x.low >= 0.0 && y.low >= 0.0 ? Bounds{x.low * y.low, kInfinity} : Bounds{};
      case BinaryKind::div: return x.low >= 0.0 && y.low > 0.0 ? Bounds{0.0, kInfinity} : Bounds{};
      case BinaryKind::pow: return y.low == 2.0 && y.high == 2.0 ? Bounds{0.0, kInfinity} : Bounds{};
      default: return {};
    }
  }

  static Bounds of_reduce(const Reduce& op, Bounds x) {
    switch (op.kind) {
      case ReduceKind::mean:
      case ReduceKind::max:
      case ReduceKind::min: return x;
      case ReduceKind::sum: return x.low >= 0.0 ? Bounds{x.low, kInfinity} : Bounds{};
      case ReduceKind::sum_square:
      case ReduceKind::l1:
      case ReduceKind::l2: return {0.0, kInfinity};
      default: return {};
    }
  }

  const Graph& graph_;
  std::vector<NodeId> makers_;
  std::map<TensorId, Bounds> known_;
};

// What of its arguments takes a node out of the finite numbers, or null.
const char* danger(const Node& node, Bounding& bounding) {
  if (const auto* unary = op_if<Unary>(node)) {
    const Bounds x = bounding.of(node.inputs[0]);
    if (unary->kind == UnaryKind::log && x.low <= 0.0) return "values that need not be above 0";
    if (unary->kind == UnaryKind::sqrt && x.low < 0.0) return "values that may be below 0";
    if (unary->kind == UnaryKind::reciprocal && !bounding.without_zero(node.inputs[0])) return "values that may be 0";
    if (unary->kind == UnaryKind::exp && x.high > kLargestExponent) return "values that may be above 88";
  } else if (const auto* binary = op_if<Binary>(node)) {
    if (binary->kind == BinaryKind::div && !bounding.without_zero(node.inputs[1])) return "by values that may be 0";
    if (binary->kind == BinaryKind::pow) {
      const Bounds x = bounding.of(node.inputs[0]), y = bounding.of(node.inputs[1]);
      const bool power = y.low == y.high && (y.low == 1.0 || y.low == 2.0 || y.low == 3.0);
      if (!power && !(x.low >= 0.0 && y.low >= 0.0 && y.high <= 3.0))
        return "values and exponents that are not bounded";
    }
  }
  return nullptr;
}

bool is_followed(const Node& node) {
  return op_if<Unary>(node) || op_if<Binary>(node) || op_if<Reduce>(node) || op_if<Reshape>(node) ||
         op_if<Transpose>(node) || op_if<Slice>(node) || op_if<Expand>(node) || op_if<Gather>(node) ||
         op_if<Concat>(node) || op_if<Pad>(node) || op_if<Resize>(node);
}

// The ONNX operator's name, near enough to be found in the file.
std::string kind_of(const Node& node) {
  std::string name = op_if<Unary>(node) ? to_string(op_if<Unary>(node)->kind) : to_string(op_if<Binary>(node)->kind);
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

}  // namespace

std::string not_finite(const Graph& graph, TensorId id) {
  Bounding bounding(graph);
  std::vector<TensorId> open{id};
  std::set<TensorId> seen{id};
  while (!open.empty()) {
    const TensorId at = open.back();
    open.pop_back();
    const Tensor& tensor = graph.tensor(at);
    if (tensor.is_constant() && tensor.desc.type == DType::f32) {
      const auto values = tensor.constant->as<float>();
      if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
        return "infinite values of a constant";
      continue;
    }
    const Node* node = bounding.maker(at);
    if (!node || !is_followed(*node)) continue;
    if (const char* what = danger(*node, bounding))
      return format("%s '%s' of %s", kind_of(*node).c_str(), node->name.c_str(), what);
    if (const auto* pad = op_if<Pad>(*node); pad && !std::isfinite(pad->value)) return "infinite values of padding";
    for (TensorId input : node->inputs) {
      if (input != kNoTensor && seen.insert(input).second) open.push_back(input);
    }
  }
  return {};
}

}  // namespace nibble::onnx_import

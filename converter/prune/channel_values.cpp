#include "converter/prune/channel_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/passes/rewrite.h"
#include "ops/axis_map.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Interval kUnknown{-kInfinity, kInfinity};

Interval hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }
// 0 * infinity is 0 here: a weight of zero reads nothing.
double product(double w, double x) { return w == 0.0 || x == 0.0 ? 0.0 : w * x; }
Interval times(Interval a, Interval b) {
  const double p[] = {product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high)};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}
Interval plus(Interval a, Interval b) { return {a.low + b.low, a.high + b.high}; }

Interval function(UnaryKind kind, float a, float b, Interval x) {
  const auto map = [&](auto f) { return Interval{f(x.low), f(x.high)}; };
  switch (kind) {
    case UnaryKind::identity: return x;
    case UnaryKind::relu: return map([](double v) { return std::max(v, 0.0); });
    case UnaryKind::clip:
      return map([&](double v) { return std::min(std::max(v, static_cast<double>(a)), static_cast<double>(b)); });
    case UnaryKind::leaky_relu:
      if (a < 0.0f) return kUnknown;
      return map([&](double v) { return v < 0.0 ? product(static_cast<double>(a), v) : v; });
    case UnaryKind::sigmoid: return map([](double v) { return 1.0 / (1.0 + std::exp(-v)); });
    case UnaryKind::tanh: return map([](double v) { return std::tanh(v); });
    case UnaryKind::hard_sigmoid:
      if (a < 0.0f) return kUnknown;
      return map(
          [&](double v) { return std::clamp(product(static_cast<double>(a), v) + static_cast<double>(b), 0.0, 1.0); });
    case UnaryKind::hard_swish:
      if (!x.constant()) return kUnknown;
      return map([](double v) { return v * std::clamp(v / 6.0 + 0.5, 0.0, 1.0); });
    case UnaryKind::silu:
      if (!x.constant()) return kUnknown;
      return map([](double v) { return v / (1.0 + std::exp(-v)); });
    case UnaryKind::affine:
      return plus(times({static_cast<double>(a), static_cast<double>(a)}, x),
                  {static_cast<double>(b), static_cast<double>(b)});
    default: return kUnknown;
  }
}

class Evaluation {
 public:
  explicit Evaluation(const Graph& graph) : graph_(graph), values_(graph.tensors.size()) {
    for (TensorId id : graph.inputs) unknown(id);
  }

  void run(const Node& node) {
    for (TensorId id : node.outputs) unknown(id);
    const TensorId y = node.outputs[0];
    if (at(y).empty()) return;
    if (const auto* op = op_if<Conv2d>(node)) {
      const bool padded = op->pad_top || op->pad_left || op->pad_bottom || op->pad_right;
      product_layer(node, op->groups, padded, op->activation);
    } else if (const auto* transposed = op_if<ConvTranspose2d>(node)) {
      // Which taps meet differs from place to place, as beside padding.
      product_layer(node, transposed->groups, true, transposed->activation);
    } else if (const auto* linear = op_if<Linear>(node); linear && graph_.desc(y).shape.size() == 2) {
      product_layer(node, 1, false, linear->activation);
    } else if (const auto* unary = op_if<Unary>(node); unary && node.inputs.size() == 1) {
      each(node, [&](Interval x) { return function(unary->kind, unary->a, unary->b, x); });
    } else if (const auto* binary = op_if<Binary>(node)) {
      combine(node, *binary);
    } else if (const auto* pool = op_if<Pool2d>(node)) {
      const bool zeros = pool->kind == PoolKind::average && pool->count_include_pad &&
                         (pool->pad_top || pool->pad_left || pool->pad_bottom || pool->pad_right);
      each(node, [&](Interval x) { return zeros ? hull(x, {0.0, 0.0}) : x; });
    } else if (const auto* reduce = op_if<Reduce>(node)) {
      const bool within =
          reduce->kind == ReduceKind::mean || reduce->kind == ReduceKind::max || reduce->kind == ReduceKind::min;
      if (within) each(node, [](Interval x) { return x; });
    } else if (const auto* resize = op_if<Resize>(node)) {
      if (resize->mode != ResizeMode::cubic) each(node, [](Interval x) { return x; });
    } else if (op_if<Reshape>(node) || op_if<Slice>(node) || op_if<Transpose>(node)) {
      each(node, [](Interval x) { return x; });
    } else if (const auto* pad = op_if<Pad>(node)) {
      const auto fill = static_cast<double>(pad->value);
      const bool spatial = pad->begins.size() > 2 &&
                           std::any_of(pad->begins.begin() + 2, pad->begins.end(), [](int64_t n) { return n != 0; });
      const bool behind =
          pad->ends.size() > 2 && std::any_of(pad->ends.begin() + 2, pad->ends.end(), [](int64_t n) { return n != 0; });
      if (pad->mode != PadMode::constant) return;
      std::fill(at(y).begin(), at(y).end(), Interval{fill, fill});  // channels that padding makes
      each(node, [&](Interval x) { return spatial || behind ? hull(x, {fill, fill}) : x; });
    } else if (op_if<Concat>(node)) {
      each(node, [](Interval x) { return x; });
    }
  }

  ChannelValues take() { return std::move(values_); }

 private:
  std::vector<Interval>& at(TensorId id) { return values_[static_cast<size_t>(id)]; }
  void unknown(TensorId id) {
    const Shape& shape = graph_.desc(id).shape;
    const bool known = shape.size() >= 2 && shape[1].is_const() && shape[1].value() <= (1 << 20);
    at(id).assign(known ? static_cast<size_t>(shape[1].value()) : 0, kUnknown);
  }

  // y's channels from the tied channels of the inputs, by the operator's own axis map.
  template <class F>
  void each(const Node& node, F f) {
    std::vector<const TensorDesc*> descs;
    for (TensorId id : node.inputs) descs.push_back(id == kNoTensor ? nullptr : &graph_.desc(id));
    std::vector<TensorDesc> declared{graph_.desc(node.outputs[0])};
    auto& y = at(node.outputs[0]);
    for (AxisLink link : axes_node(node, {descs, declared}).links) {
      if (link.a.output || !(link.b == output_axis(1)) || link.a.axis != 1) continue;
      const auto& x = at(node.inputs[static_cast<size_t>(link.a.slot)]);
      if (link.count == AxisLink::kWholeAxis) link.count = static_cast<int64_t>(std::min(x.size(), y.size()));
      if (link.run_a != 1) continue;
      for (int64_t i = 0; i < link.count; ++i) {
        for (int64_t k = 0; k < link.run_b; ++k) {
          const int64_t from = link.first_a + i, to = link.first_b + i * link.run_b + k;
          if (from < static_cast<int64_t>(x.size()) && to < static_cast<int64_t>(y.size()))
            y[static_cast<size_t>(to)] = f(x[static_cast<size_t>(from)]);
        }
      }
    }
  }

  // Values of an operand along the output's channel axis; nothing where it is not known per channel.
  std::vector<Interval> operand(TensorId id, size_t channels, size_t rank) {
    const Shape& shape = graph_.desc(id).shape;
    if (const auto floats = passes::constant_floats(graph_, id)) {
      if (floats->size() == 1) {
        const auto v = static_cast<double>((*floats)[0]);
        return std::vector<Interval>(channels, {v, v});
      }
      const size_t axis = 1 + shape.size() - rank;  // wraps where the operand has no such axis
      if (shape.size() > rank || floats->size() != channels || axis >= shape.size() ||
          !(shape[axis] == Dim(static_cast<int64_t>(channels))))
        return {};
      std::vector<Interval> out;
      for (float v : *floats) out.push_back({static_cast<double>(v), static_cast<double>(v)});
      return out;
    }
    return shape.size() == rank && at(id).size() == channels ? at(id) : std::vector<Interval>{};
  }

  void combine(const Node& node, const Binary& op) {
    auto& y = at(node.outputs[0]);
    const size_t rank = graph_.desc(node.outputs[0]).shape.size();
    const auto a = operand(node.inputs[0], y.size(), rank), b = operand(node.inputs[1], y.size(), rank);
    const auto f = [&](Interval p, Interval q) {
      switch (op.kind) {
        case BinaryKind::add: return plus(p, q);
        case BinaryKind::sub: return plus(p, {-q.high, -q.low});
        case BinaryKind::mul: return times(p, q);
        default: return kUnknown;
      }
    };
    for (size_t c = 0; c < y.size(); ++c) {
      const Interval v = f(a.empty() ? kUnknown : a[c], b.empty() ? kUnknown : b[c]);
      y[c] = function(op.activation.kind, op.activation.a, op.activation.b, v);
    }
  }

  void product_layer(const Node& node, int64_t groups, bool padded, const Activation& activation) {
    const auto w = passes::constant_floats(graph_, node.inputs[conv_input::weights]);
    const auto& x = at(node.inputs[conv_input::x]);
    auto& y = at(node.outputs[0]);
    if (!w || x.empty() || y.empty()) return;
    const bool has_bias = node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor;
    const auto bias = has_bias ? passes::constant_floats(graph_, node.inputs[conv_input::bias]) : std::nullopt;
    if (has_bias && !bias) return;
    const Shape& shape = graph_.desc(node.inputs[conv_input::weights]).shape;
    const auto outputs = static_cast<size_t>(shape[0].value()), inputs = static_cast<size_t>(shape[1].value());
    const size_t taps = w->size() / (outputs * inputs), outputs_a_group = outputs / static_cast<size_t>(groups);
    const double tiny = negligible_weight(*w);
    for (size_t o = 0; o < outputs; ++o) {
      const double b = bias ? static_cast<double>((*bias)[o]) : 0.0;
      Interval sum{b, b};
      for (size_t i = 0; i < inputs; ++i) {
        const Interval in = x[o / outputs_a_group * inputs + i];
        for (size_t k = 0; k < taps; ++k) {
          const auto v = static_cast<double>((*w)[(o * inputs + i) * taps + k]);
          if (std::abs(v) <= tiny) continue;
          sum = plus(sum, times({v, v}, padded ? hull(in, {0.0, 0.0}) : in));
        }
      }
      y[o] = function(activation.kind, activation.a, activation.b, sum);
    }
  }

  const Graph& graph_;
  ChannelValues values_;
};

}  // namespace

double negligible_weight(std::span<const float> weights) {
  double largest = 0.0;
  for (float v : weights) largest = std::max(largest, std::abs(static_cast<double>(v)));
  return largest * kNegligibleShare;
}

ChannelValues channel_values(const Graph& graph) {
  Evaluation evaluation(graph);
  for (const Node& node : graph.nodes) evaluation.run(node);
  return evaluation.take();
}

}  // namespace nibble::prune

// How each kind of node becomes an integer one (ops/INTEGER.md).

#include <algorithm>
#include <cmath>

#include "converter/quantize/codebook.h"
#include "converter/quantize/integer_graph.h"
#include "converter/quantize/power_of_two.h"
#include "converter/quantize/table_functions.h"
#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::quantization {
namespace {

constexpr int64_t kMaxBias = int64_t{1} << 28;  // the rest of int32 is for the products (see weights.cpp)

Op with_clamp(const Op& op, const ActivationQuant& y) {
  Op copy = op;
  std::visit(
      [&](auto& concrete) {
        if constexpr (requires {
                        concrete.activation;
                        concrete.clamp;
                      }) {
          concrete.clamp = clamp_range(concrete.activation, y);
          concrete.activation = {};
        } else if constexpr (requires { concrete.clamp; }) {
          concrete.clamp = {y.min, y.max};
        }
      },
      copy.value);
  return copy;
}

// Scales may have to grow so that the bias fits: a channel of tiny weights with a bias of ordinary size. int4 groups
// keep their steps as far as a multiplier can say them.
Result<QuantizedWeights> fit_bias(const Graph& graph, const Node& node, const Choice& choice, const Options& options,
                                  std::span<const float> bias, float x_scale) {
  NBL_TRY(QuantizedWeights w, round_weights(graph, node, choice, options));
  // What is rounded again: weights that were rounded elsewhere count as they stand.
  const auto own = graph.tensor(node.inputs[conv_input::weights]).constant->as<float>();
  const std::vector<float> all =
      rounded_elsewhere(graph, node, options) ? dequantize(w) : std::vector<float>(own.begin(), own.end());
  for (size_t o = 0; o < bias.size(); ++o) {
    const double needed =
        std::abs(static_cast<double>(bias[o])) / (static_cast<double>(x_scale) * static_cast<double>(kMaxBias));
    const double before = static_cast<double>(w.scales[o]);
    if (before >= needed) continue;
    w.scales[o] = options.power_of_two ? power_of_two_above(needed) : static_cast<float>(needed * 1.0001);
    for (int64_t g = 0; g < w.groups; ++g) {
      uint8_t& m = w.multipliers[o * static_cast<size_t>(w.groups) + static_cast<size_t>(g)];
      m = static_cast<uint8_t>(std::clamp(std::round(m * before / static_cast<double>(w.scales[o])), 1.0, 255.0));
    }
    for (int64_t i = 0; i < w.row(); ++i) {
      const auto at = o * static_cast<size_t>(w.row()) + static_cast<size_t>(i);
      const int64_t group = w.groups ? group_of(i / w.kernel, i % w.kernel, w.inputs, w.group_size) : 0;
      const int m = w.groups ? w.multipliers[o * static_cast<size_t>(w.groups) + static_cast<size_t>(group)] : 1;
      const double q = static_cast<double>(all[at]) / (static_cast<double>(w.scales[o]) * m);
      if (!w.codebook.empty()) {
        w.values[at] = nearest_entry(w.codebook, q);
        continue;
      }
      w.values[at] = static_cast<int8_t>(std::clamp(std::round(q), w.groups ? -8.0 : -127.0, w.groups ? 7.0 : 127.0));
    }
  }
  return w;
}

}  // namespace

Status IntegerRewriter::rewrite_weights(const Node& node) {
  const Choice choice = choose_format(old_, node, options_);
  const ActivationQuant y = *plan_.quant[static_cast<size_t>(node.outputs[0])];
  NBL_TRY(const TensorId x_id, integer(node.inputs[conv_input::x]));
  const ActivationQuant x = forms_[static_cast<size_t>(node.inputs[conv_input::x])].quant;
  NBL_TRY(const std::vector<float> real_bias, bias_of(old_, node, options_));
  const size_t outputs = real_bias.size();
  NBL_TRY(const QuantizedWeights w, fit_bias(old_, node, choice, options_, real_bias, x.scale));

  std::vector<int32_t> bias(outputs), multiplier(outputs);
  std::vector<uint8_t> shift(outputs);
  for (size_t o = 0; o < outputs; ++o) {
    const double unit = static_cast<double>(x.scale) * static_cast<double>(w.scales[o]);
    const auto stored = static_cast<int64_t>(std::llround(static_cast<double>(real_bias[o]) / unit)) -
                        x.zero_point * w.row_sum(static_cast<int64_t>(o));
    if (std::abs(stored) + w.row_bound(static_cast<int64_t>(o)) >= int64_t{1} << 31) {
      return Error{Code::unsupported_op, format("output channel %zu could overflow 32 bits", o)};
    }
    bias[o] = static_cast<int32_t>(stored);
    const FixedMultiplier m = fixed_multiplier(unit / static_cast<double>(y.scale));
    multiplier[o] = m.multiplier;
    shift[o] = static_cast<uint8_t>(m.shift);
  }
  const WeightConstants constants = add_weight_constants(new_, w, old_.desc(node.inputs[conv_input::weights]).shape);
  std::vector<TensorId> inputs{x_id, constants.weights, add_i32(new_, bias), add_i32(new_, multiplier),
                               add_u8(new_, shift)};
  if (constants.group_multipliers != kNoTensor) inputs.push_back(constants.group_multipliers);
  NBL_TRY(const TensorId made, emit(node.name, with_clamp(*node.op, y), std::move(inputs), y));
  out_.decisions.push_back(
      {node.name, op_name(node), choice.format, w.group_size, ActivationFormat::int8, choice.reason});
  return set_integer(node, made, y);
}

Status IntegerRewriter::rewrite_table(const Node& node) {
  // From the first function of a chain to this one.
  std::vector<const Node*> chain{&node};
  TensorId x_old = table_input(old_, node);
  for (NodeId n = producers_[static_cast<size_t>(x_old)]; n >= 0 && plan_.inner[static_cast<size_t>(n)];
       n = producers_[static_cast<size_t>(x_old)]) {
    chain.insert(chain.begin(), &old_.nodes[static_cast<size_t>(n)]);
    x_old = table_input(old_, *chain.front());
  }
  NBL_TRY(const TensorId x_id, integer(x_old));
  const ActivationQuant x = forms_[static_cast<size_t>(x_old)].quant;
  const ActivationQuant y = *plan_.quant[static_cast<size_t>(node.outputs[0])];
  size_t rows = 1;
  for (const Node* n : chain) rows = std::max(rows, table_rows(old_, *n));
  std::vector<int8_t> table;
  for (size_t row = 0; row < rows; ++row) {
    const std::vector<int8_t> made = make_table(x, y, [&](std::vector<double>& v) {
      for (const Node* n : chain) apply_table_function(old_, *n, row, v);
    });
    table.insert(table.end(), made.begin(), made.end());
  }
  TensorDesc desc;
  desc.type = DType::i8;
  desc.shape = rows > 1 ? Shape{static_cast<int64_t>(rows), 256} : Shape{256};
  const TensorId table_id = new_.add_constant(desc, ConstantData::of(table));
  const auto* unary = op_if<Unary>(node);
  const Unary op = unary && chain.size() == 1 ? *unary : Unary{UnaryKind::affine, 1.0f, 0.0f};
  NBL_TRY(const TensorId made, emit(node.name, op, {x_id, table_id}, y));
  return set_integer(node, made, y);
}

Status IntegerRewriter::rewrite_binary(const Node& node) {
  Binary op = *op_if<Binary>(node);
  NBL_TRY(const TensorId a_id, integer(node.inputs[0]));
  NBL_TRY(const TensorId b_id, integer(node.inputs[1]));
  const double a = static_cast<double>(forms_[static_cast<size_t>(node.inputs[0])].quant.scale);
  const double b = static_cast<double>(forms_[static_cast<size_t>(node.inputs[1])].quant.scale);
  const ActivationQuant y = *plan_.quant[static_cast<size_t>(node.outputs[0])];
  const double out = static_cast<double>(y.scale);
  if (op.kind == BinaryKind::mul) {
    const FixedMultiplier m = fixed_multiplier(a * b / out);
    op.multiplier_x = m.multiplier;
    op.shift = m.shift;
  } else {
    // Both factors in units of 2^-shift, the larger just below 2^21: sums of two products with 255 stay within int32.
    const double larger = std::max(a, b) / out;
    op.shift = std::clamp(20 - std::ilogb(larger), 0, 31);
    const double unit = std::ldexp(1.0, op.shift), limit = std::ldexp(1.0, 21) - 1.0;
    op.multiplier_x = static_cast<int32_t>(std::min(std::round(a / out * unit), limit));
    op.multiplier_y = static_cast<int32_t>(std::min(std::round(b / out * unit), limit));
  }
  NBL_TRY(const TensorId made, emit(node.name, with_clamp(op, y), {a_id, b_id}, y));
  return set_integer(node, made, y);
}

Status IntegerRewriter::rewrite_mean(const Node& node) {
  const ActivationQuant y = *plan_.quant[static_cast<size_t>(node.outputs[0])];
  NBL_TRY(const TensorId x, integer(node.inputs[0]));
  NBL_TRY(const TensorId made, emit(node.name, with_clamp(*node.op, y), {x}, y));
  return set_integer(node, made, y);
}

Status IntegerRewriter::rewrite_concat(const Node& node) {
  const ActivationQuant y = *plan_.quant[static_cast<size_t>(node.outputs[0])];
  std::vector<TensorId> inputs;
  for (TensorId id : node.inputs) {
    NBL_TRY(const TensorId made, integer_as(id, y));
    inputs.push_back(made);
  }
  NBL_TRY(const TensorId made, emit(node.name, *node.op, std::move(inputs), y));
  return set_integer(node, made, y);
}

Status IntegerRewriter::rewrite_moves(const Node& node) {
  std::vector<TensorId> inputs;
  NBL_TRY(const TensorId x, integer(node.inputs[0]));
  inputs.push_back(x);
  for (size_t i = 1; i < node.inputs.size(); ++i) {  // indices
    NBL_TRY(const TensorId other, real(node.inputs[i]));
    inputs.push_back(other);
  }
  const ActivationQuant y = forms_[static_cast<size_t>(node.inputs[0])].quant;
  NBL_TRY(const TensorId made, emit(node.name, with_clamp(*node.op, y), std::move(inputs), y));
  return set_integer(node, made, y);
}

// QuantizeLinear and DequantizeLinear that came with the network: the integers are already there, in those scales.
Status IntegerRewriter::rewrite_convert(const Node& node) {
  const TensorDesc& from = old_.desc(node.inputs[0]);
  const TensorDesc& to = old_.desc(node.outputs[0]);
  Forms& made = forms_[static_cast<size_t>(node.outputs[0])];
  if (to.type == DType::i8) {
    const ActivationQuant quant{to.quant.scale(), to.quant.zero_point, -128, 127};
    NBL_TRY(made.integer, integer_as(node.inputs[0], quant));
    made.quant = quant;
    return {};
  }
  if (from.type == DType::i8) {
    NBL_TRY(made.integer, integer(node.inputs[0]));
    made.quant = forms_[static_cast<size_t>(node.inputs[0])].quant;
    return {};
  }
  return copy_float(node);
}

}  // namespace nibble::quantization

#include "converter/quantize/integer_plan.h"

#include <algorithm>

#include "converter/quantize/power_of_two.h"
#include "converter/quantize/saturation.h"

namespace nibble::quantization {
namespace {

// Nodes that are worth integers for their own sake.
bool multiplies(const Node& node) { return has_weights(node); }

bool clamps_only(const Activation& a) {
  return a.kind == UnaryKind::identity || a.kind == UnaryKind::relu || a.kind == UnaryKind::clip;
}

// Rows so long that products, zero point and bias together could leave int32.
bool could_overflow(const Graph& graph, const Node& node, WeightFormat format) {
  const Shape& shape = graph.desc(node.inputs[conv_input::weights]).shape;
  const int64_t row = elements(shape).value() / shape[0].value();
  const int64_t largest = format == WeightFormat::int4 ? 8 : 127;  // int4's multipliers give way until they are 1
  return row * largest * 128 > int64_t{7} << 27;
}

// Sums of more elements than this do not fit in int32.
constexpr int64_t kMaxMean = kMaxDim / 255;

bool mean_fits(const Graph& graph, const Node& node) {
  if (const auto* op = op_if<Pool2d>(node)) return int64_t{op->kernel_h} * op->kernel_w <= kMaxMean;
  Dim count(1);
  for (int64_t axis : op_if<Reduce>(node)->axes) count *= graph.desc(node.inputs[0]).shape[static_cast<size_t>(axis)];
  return !count.is_const() || count.value() <= kMaxMean;
}

bool can_be_integer(const Graph& graph, const Node& node) {
  if (graph.desc(node.outputs[0]).type != DType::f32) return false;
  if (const auto* op = op_if<Conv2d>(node)) return clamps_only(op->activation);
  if (const auto* op = op_if<ConvTranspose2d>(node)) return clamps_only(op->activation);
  if (const auto* op = op_if<Linear>(node)) return clamps_only(op->activation);
  if (const auto* op = op_if<Unary>(node)) return node.inputs.size() == 1 && op->kind != UnaryKind::identity;
  if (const auto* op = op_if<Binary>(node)) {
    if (!clamps_only(op->activation)) return false;
    if (is_table_like(graph, node)) return true;
    const bool constant = graph.tensor(node.inputs[0]).is_constant() || graph.tensor(node.inputs[1]).is_constant();
    return !constant && (op->kind == BinaryKind::add || op->kind == BinaryKind::sub || op->kind == BinaryKind::mul);
  }
  if (const auto* op = op_if<Pool2d>(node)) return op->kind == PoolKind::max || mean_fits(graph, node);
  if (const auto* op = op_if<Reduce>(node))
    return (op->kind == ReduceKind::mean && mean_fits(graph, node)) || op->kind == ReduceKind::max ||
           op->kind == ReduceKind::min;
  if (op_if<Resize>(node) || op_if<Concat>(node)) return true;
  return keeps_values(graph, node);
}

std::vector<TensorId> float_inputs(const Graph& graph, const Node& node) {
  std::vector<TensorId> out;
  const size_t count = has_weights(node) ? 1 : node.inputs.size();
  for (size_t i = 0; i < count; ++i) {
    const TensorId id = node.inputs[i];
    if (id != kNoTensor && !graph.tensor(id).is_constant() && graph.desc(id).type == DType::f32) out.push_back(id);
  }
  return out;
}

// Scales that the network brings: what QuantizeLinear nodes say of the tensors they read, and of those they make again.
void take_own_scales(const Graph& graph, IntegerPlan& plan) {
  for (const Node& node : graph.nodes) {
    if (!op_if<Convert>(node)) continue;
    const TensorDesc& from = graph.desc(node.inputs[0]);
    const TensorDesc& to = graph.desc(node.outputs[0]);
    if (to.type == DType::i8 && from.type == DType::f32) {
      plan.quant[static_cast<size_t>(node.inputs[0])] =
          ActivationQuant{to.quant.scale(), to.quant.zero_point, -128, 127};
    }
    if (from.type == DType::i8 && to.type == DType::f32) {
      plan.quant[static_cast<size_t>(node.outputs[0])] =
          ActivationQuant{from.quant.scale(), from.quant.zero_point, -128, 127};
    }
  }
}

// Inputs of an integer Concat that nobody else reads are made with the output's scales at once.
void share_concat_scales(const Graph& graph, IntegerPlan& plan) {
  const auto readers = consumers(graph);
  const auto makers = producers(graph);
  for (size_t n = graph.nodes.size(); n-- > 0;) {  // from the end: a Concat of a Concat takes the last one's scales
    const Node& node = graph.nodes[n];
    const auto target = plan.quant[static_cast<size_t>(node.outputs[0])];
    if (!op_if<Concat>(node) || !plan.integer[n] || !target) continue;
    for (TensorId id : node.inputs) {
      const NodeId maker = makers[static_cast<size_t>(id)];
      if (maker < 0 || readers[static_cast<size_t>(id)].size() != 1) continue;
      const Node& source = graph.nodes[static_cast<size_t>(maker)];
      if (!keeps_values(graph, source) && !op_if<Convert>(source)) plan.quant[static_cast<size_t>(id)] = target;
    }
  }
}

// Functions one behind the other become one table: one rounding in place of several.
void join_tables(const Graph& graph, IntegerPlan& plan) {
  const auto readers = consumers(graph);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const bool table = plan.integer[n] && (op_if<Unary>(node) || is_table_like(graph, node));
    const auto& next = readers[static_cast<size_t>(node.outputs[0])];
    const bool output = std::find(graph.outputs.begin(), graph.outputs.end(), node.outputs[0]) != graph.outputs.end();
    if (!table || output || next.size() != 1 || !plan.integer[static_cast<size_t>(next[0])]) continue;
    const Node& behind = graph.nodes[static_cast<size_t>(next[0])];
    plan.inner[n] = op_if<Unary>(behind) || is_table_like(graph, behind);
    if (plan.inner[n]) plan.quant[static_cast<size_t>(node.outputs[0])].reset();  // never stored
  }
}

}  // namespace

bool keeps_values(const Graph& graph, const Node& node) {
  if (op_if<Reshape>(node) || op_if<Transpose>(node) || op_if<Slice>(node) || op_if<Expand>(node)) return true;
  if (const auto* op = op_if<Gather>(node)) return op != nullptr && !graph.tensor(node.inputs[0]).is_constant();
  if (const auto* op = op_if<Pad>(node)) return op->mode != PadMode::constant || op->value == 0.0f;
  if (const auto* op = op_if<Pool2d>(node)) return op->kind == PoolKind::max;
  if (const auto* op = op_if<Reduce>(node)) return op->kind == ReduceKind::max || op->kind == ReduceKind::min;
  return op_if<Resize>(node) != nullptr;
}

bool is_table_like(const Graph& graph, const Node& node) {
  if (!op_if<Binary>(node)) return false;
  for (size_t side = 0; side < 2; ++side) {
    const Tensor& c = graph.tensor(node.inputs[side]);
    const TensorDesc& x = graph.desc(node.inputs[1 - side]);
    if (!c.is_constant() || c.desc.type != DType::f32 || graph.tensor(node.inputs[1 - side]).is_constant()) continue;
    if (!(x.shape == graph.desc(node.outputs[0]).shape)) continue;
    const Dim count = elements(c.desc.shape);
    if (count == Dim(1)) return true;
    const size_t rank = x.shape.size(), own = c.desc.shape.size();
    if (rank < 2 || own + 1 < rank || own > rank) continue;
    if (count == x.shape[1] && c.desc.shape[own - (rank - 1)] == count) return true;
  }
  return false;
}

bool has_own_scales(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return op_if<Convert>(node) && graph.desc(node.outputs[0]).type == DType::i8;
  });
}

IntegerPlan plan_integers(const Graph& graph, const Ranges& ranges, const Options& options) {
  IntegerPlan plan;
  plan.integer.assign(graph.nodes.size(), false);
  plan.inner.assign(graph.nodes.size(), false);
  plan.reason.resize(graph.nodes.size());
  plan.quant.resize(graph.tensors.size());
  Ranges needed = ranges;
  narrow_to_unsaturated(graph, needed);
  for (const auto& [id, range] : needed) {
    plan.quant[static_cast<size_t>(id)] = options.power_of_two ? choose_power_of_two_quant(range) : choose_quant(range);
  }
  take_own_scales(graph, plan);

  const auto readers = consumers(graph);
  // Backwards: a node is an integer one when it multiplies, or when an integer node reads what it makes.
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (op_if<Convert>(node)) {
      // The network's own QuantizeLinear pulls its input into integers; DequantizeLinear passes that on.
      const DType from = graph.desc(node.inputs[0]).type, to = graph.desc(node.outputs[0]).type;
      plan.integer[n] =
          (from == DType::f32 && to == DType::i8) || (from == DType::i8 && (to == DType::f32 || to == DType::i8));
      continue;
    }
    bool wanted = multiplies(node);
    for (TensorId id : node.outputs) {
      for (NodeId r : readers[static_cast<size_t>(id)]) wanted = wanted || plan.integer[static_cast<size_t>(r)];
    }
    if (!wanted) continue;
    if (!can_be_integer(graph, node)) {
      plan.reason[n] = "its fused activation is not a clamp";
      continue;
    }
    const auto known = [&](TensorId id) { return plan.quant[static_cast<size_t>(id)].has_value(); };
    const std::vector<TensorId> inputs = float_inputs(graph, node);
    if (!std::all_of(inputs.begin(), inputs.end(), known) || !known(node.outputs[0])) {
      plan.reason[n] = "no range is known for its input or output";
      continue;
    }
    if (multiplies(node)) {
      const Choice choice = choose_format(graph, node, options);
      if (choice.format == WeightFormat::fp32 || choice.format == WeightFormat::fp16) {
        plan.reason[n] = choice.reason;
        continue;
      }
      if (could_overflow(graph, node, choice.format)) {
        plan.reason[n] = "its sums could exceed 32 bits";
        continue;
      }
    }
    plan.integer[n] = true;
  }
  share_concat_scales(graph, plan);
  join_tables(graph, plan);
  return plan;
}

}  // namespace nibble::quantization

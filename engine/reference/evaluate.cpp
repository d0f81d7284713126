#include "reference/evaluate.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"
#include "reference/args.h"

namespace nibble::reference {

namespace {

std::string node_text(const Node& node) { return format("%s '%s'", op_name(node), node.name.c_str()); }

// What the graph says an input is must be what is given: operators trust the shapes that infer() accepted.
template <class T>
Status check_given(const TensorDesc& desc, const BasicValue<T>& value) {
  if (value.desc.type == desc.type && is_const(desc.shape) && values(desc.shape) == value.shape) return {};
  return Error{Code::invalid_argument,
               format("tensor '%s': expected %s %s, found %s %s", desc.name.c_str(), to_string(desc.type),
                      to_string(desc.shape).c_str(), to_string(value.desc.type), to_string(value.desc.shape).c_str())};
}

// The inputs of a node; constants that had to be made are kept in `owned`, which must not be moved meanwhile.
template <class T>
Result<std::vector<const BasicValue<T>*>> resolve_inputs(const Graph& graph, const Node& node,
                                                         std::span<const BasicValue<T>* const> given,
                                                         std::vector<BasicValue<T>>& owned) {
  std::vector<const BasicValue<T>*> out;
  owned.reserve(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorId id = node.inputs[i];
    const BasicValue<T>* value = i < given.size() ? given[i] : nullptr;
    if (value != nullptr && id != kNoTensor) {
      NBL_CHECK(check_given(graph.desc(id), *value));
    } else if (id != kNoTensor) {
      if (!graph.tensor(id).is_constant()) {
        return Error{Code::invalid_argument,
                     format("input %zu, tensor '%s', has no value", i, graph.desc(id).name.c_str())};
      }
      NBL_TRY(BasicValue<T> constant, constant_value<T>(graph.tensor(id)));
      owned.push_back(std::move(constant));
      value = &owned.back();
    }
    out.push_back(id == kNoTensor ? nullptr : value);
  }
  return out;
}

template <class T>
Result<std::vector<BasicValue<T>>> evaluate_checked(const Graph& graph, const Node& node,
                                                    std::span<const BasicValue<T>* const> inputs) {
  std::vector<BasicValue<T>> owned;
  NBL_TRY(const auto resolved, resolve_inputs(graph, node, inputs, owned));
  if (node.outputs.size() != 1) {
    return Error{Code::internal, format("expected one output, found %zu", node.outputs.size())};
  }
  std::vector<BasicValue<T>> outputs;
  NBL_TRY(BasicValue<T> out, make_value<T>(graph.desc(node.outputs[0])));
  outputs.push_back(std::move(out));
  NBL_CHECK(evaluate_into<T>(node, resolved, outputs[0]));
  return outputs;
}

}  // namespace

double estimated_work(const Graph& graph, const Node& node) {
  const auto size = [&](TensorId id) { return static_cast<double>(elements(graph.desc(id).shape).evaluate({})); };
  double work = size(node.outputs[0]);
  if (op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node)) {
    work *= size(node.inputs[1]) / static_cast<double>(graph.desc(node.inputs[1]).shape[0].evaluate({}));
  } else if (const auto* product = op_if<MatMul>(node)) {
    const Shape& a = graph.desc(node.inputs[0]).shape;
    work *= static_cast<double>(a[a.size() - (product->transpose_a ? 2 : 1)].evaluate({}));
  } else if (const auto* pool = op_if<Pool2d>(node)) {
    work *= static_cast<double>(pool->kernel_h) * pool->kernel_w;
  }
  for (TensorId id : node.inputs) work += id == kNoTensor ? 0.0 : size(id);
  return work;
}

// Takes the node, not its Op: see infer_node.
template <class T>
Status evaluate_into(const Node& node, std::span<const BasicValue<T>* const> inputs, BasicValue<T>& out) {
  Args<T> args{inputs, out};
  return visit_op(*node.op, [&](const auto& concrete) -> Status { return evaluate(concrete, args); });
}

template Status evaluate_into(const Node&, std::span<const Value* const>, Value&);
template Status evaluate_into(const Node&, std::span<const FloatValue* const>, FloatValue&);

template <class T>
Result<std::vector<BasicValue<T>>> evaluate_node(const Graph& graph, const Node& node,
                                                 std::span<const BasicValue<T>* const> inputs) {
  auto out = evaluate_checked(graph, node, inputs);
  if (!out) return std::move(out).error().with_context(node_text(node));
  return out;
}

template Result<std::vector<Value>> evaluate_node(const Graph&, const Node&, std::span<const Value* const>);
template Result<std::vector<FloatValue>> evaluate_node(const Graph&, const Node&, std::span<const FloatValue* const>);

Result<std::vector<Value>> evaluate_constant(const Graph& graph, const Node& node) {
  // A file of a few bytes can ask for any amount of arithmetic on constants that it repeats; minutes of it are refused.
  constexpr double kMostWork = 1e11;
  if (estimated_work(graph, node) > kMostWork) {
    return Error{Code::invalid_argument, node_text(node) + ": too much arithmetic on constants"};
  }
  return evaluate_node<double>(graph, node, {});
}

Result<ValueMap> run(const Graph& bound, ValueMap inputs, const RunOptions& options) {
  for (TensorId id : bound.inputs) {
    const auto found = inputs.find(id);
    if (found == inputs.end()) {
      return Error{Code::invalid_argument, format("input '%s' has no value", bound.desc(id).name.c_str())};
    }
    NBL_CHECK(check_given(bound.desc(id), found->second));
  }
  std::vector<size_t> last_reader(bound.tensors.size(), 0);
  for (size_t n = 0; n < bound.nodes.size(); ++n) {
    for (TensorId id : bound.nodes[n].inputs) {
      if (id != kNoTensor) last_reader[static_cast<size_t>(id)] = n;
    }
  }
  for (TensorId id : bound.outputs) last_reader[static_cast<size_t>(id)] = bound.nodes.size();
  ValueMap live = std::move(inputs);
  for (size_t n = 0; n < bound.nodes.size(); ++n) {
    const Node& node = bound.nodes[n];
    std::vector<const Value*> given;
    for (TensorId id : node.inputs) {
      const auto found = live.find(id);
      given.push_back(found == live.end() ? nullptr : &found->second);
    }
    NBL_TRY(std::vector<Value> outputs, evaluate_node<double>(bound, node, given));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (options.observer) options.observer(node.outputs[i], outputs[i]);
      live.insert_or_assign(node.outputs[i], std::move(outputs[i]));
    }
    if (options.keep_all) continue;
    std::erase_if(live, [&](const auto& entry) { return last_reader[static_cast<size_t>(entry.first)] <= n; });
  }
  for (TensorId id : bound.outputs) {
    if (live.contains(id) || !bound.tensor(id).is_constant()) continue;
    NBL_TRY(Value constant, constant_value<double>(bound.tensor(id)));
    live.emplace(id, std::move(constant));
  }
  return live;
}

}  // namespace nibble::reference

#include <algorithm>
#include <map>

#include "converter/execute/executor.h"
#include "converter/execute/fast_layer.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"
#include "reference/evaluate.h"

namespace nibble {

namespace {

using reference::FloatValue;

// A node, how it is run and which tensors nobody reads after it.
struct PreparedNode {
  const Node* node = nullptr;
  std::unique_ptr<FastLayer> fast;  // null: the oracle's loops
  std::vector<TensorId> dead_after;
};

class CpuExecutor : public Executor {
 public:
  CpuExecutor(Graph graph, int threads, bool observe_quantized, TensorEditor editor)
      : graph_(std::move(graph)),
        threads_(threads),
        observe_quantized_(observe_quantized),
        editor_(std::move(editor)) {}

  Status prepare();
  const Graph& graph() const override { return graph_; }
  Result<std::vector<FloatValue>> run(std::vector<FloatValue> inputs, const TensorObserver& observer) override;

 private:
  Status keep_constants(const PreparedNode& prepared);
  void plan_lifetimes();
  void show(const TensorObserver& observer, TensorId id, const FloatValue& value) const;

  Graph graph_;
  int threads_;
  bool observe_quantized_;
  TensorEditor editor_;
  std::vector<PreparedNode> nodes_;
  std::map<TensorId, FloatValue> constants_;  // of nodes without a fast layer, and those among the graph's outputs
};

// One run: the tensors that are live in it.
struct RunState {
  const std::map<TensorId, FloatValue>& constants;
  std::map<TensorId, FloatValue> live;
  LayerScratch scratch;

  const FloatValue* find(TensorId id) const {
    if (id == kNoTensor) return nullptr;
    if (const auto found = live.find(id); found != live.end()) return &found->second;
    const auto constant = constants.find(id);
    return constant == constants.end() ? nullptr : &constant->second;
  }
};

Status CpuExecutor::prepare() {
  const ThreadLimit limit(threads_);
  for (const Node& node : graph_.nodes) {
    PreparedNode prepared{&node, nullptr, {}};
    auto fast = make_dnnl_layer(graph_, node);
    if (!fast) return std::move(fast).error().with_context(format("%s '%s'", op_name(node), node.name.c_str()));
    prepared.fast = *std::move(fast);
    NBL_CHECK(keep_constants(prepared));
    nodes_.push_back(std::move(prepared));
  }
  for (TensorId id : graph_.outputs) {
    if (!graph_.tensor(id).is_constant() || constants_.contains(id)) continue;
    NBL_TRY(constants_[id], reference::constant_value<float>(graph_.tensor(id)));
  }
  plan_lifetimes();
  return {};
}

Status CpuExecutor::keep_constants(const PreparedNode& prepared) {
  const std::vector<TensorId>& inputs = prepared.node->inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool in_layer = prepared.fast && !op_if<MatMul>(*prepared.node) && i > 0;
    const TensorId id = inputs[i];
    if (in_layer || id == kNoTensor || !graph_.tensor(id).is_constant() || constants_.contains(id)) continue;
    NBL_TRY(constants_[id], reference::constant_value<float>(graph_.tensor(id)));
  }
  return {};
}

void CpuExecutor::plan_lifetimes() {
  std::map<TensorId, size_t> last;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (TensorId id : nodes_[n].node->outputs) last[id] = n;
    for (TensorId id : nodes_[n].node->inputs) last[id] = n;
  }
  for (TensorId id : graph_.outputs) last.erase(id);
  for (const auto& [id, n] : last) nodes_[n].dead_after.push_back(id);
}

Status run_node(const PreparedNode& prepared, RunState& state, FloatValue& out) {
  const std::vector<TensorId>& ids = prepared.node->inputs;
  std::vector<const FloatValue*> inputs;
  for (TensorId id : ids) inputs.push_back(state.find(id));
  if (prepared.fast) return prepared.fast->run(*inputs[0], ids.size() > 1 ? inputs[1] : nullptr, out, state.scratch);
  return reference::evaluate_into<float>(*prepared.node, inputs, out);
}

void CpuExecutor::show(const TensorObserver& observer, TensorId id, const FloatValue& value) const {
  if (!observer) return;
  if (value.is_real()) observer(id, value.real);
  if (observe_quantized_ && !value.is_real() && value.desc.quant.kind == Quant::Kind::per_tensor)
    observer(id, reference::real_values(value));
}

Result<std::vector<FloatValue>> CpuExecutor::run(std::vector<FloatValue> inputs, const TensorObserver& observer) {
  if (inputs.size() != graph_.inputs.size()) {
    return Error{Code::invalid_argument, format("expected %zu inputs, found %zu", graph_.inputs.size(), inputs.size())};
  }
  const ThreadLimit limit(threads_);
  RunState state{constants_, {}, {}};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorDesc& desc = graph_.desc(graph_.inputs[i]);
    if (inputs[i].desc.type != desc.type || inputs[i].shape != values(desc.shape)) {
      return Error{Code::invalid_argument,
                   format("input '%s': expected %s %s, found %s %s", desc.name.c_str(), to_string(desc.type),
                          to_string(desc.shape).c_str(), to_string(inputs[i].desc.type),
                          to_string(inputs[i].desc.shape).c_str())};
    }
    if (editor_ && inputs[i].is_real()) editor_(graph_.inputs[i], inputs[i].real);
    show(observer, graph_.inputs[i], inputs[i]);
    state.live.insert_or_assign(graph_.inputs[i], std::move(inputs[i]));
  }
  for (const PreparedNode& prepared : nodes_) {
    const TensorId id = prepared.node->outputs[0];
    NBL_TRY(FloatValue out, reference::make_value<float>(graph_.desc(id)));
    if (Status status = run_node(prepared, state, out); !status) {
      return std::move(status).error().with_context(
          format("%s '%s'", op_name(*prepared.node), prepared.node->name.c_str()));
    }
    if (editor_ && out.is_real()) editor_(id, out.real);
    show(observer, id, out);
    state.live.insert_or_assign(id, std::move(out));
    for (TensorId dead : prepared.dead_after) state.live.erase(dead);
  }
  std::vector<FloatValue> outputs;
  for (TensorId id : graph_.outputs) outputs.push_back(*state.find(id));
  return outputs;
}

}  // namespace

Result<std::unique_ptr<Executor>> make_cpu_executor(Graph bound, int threads, bool observe_quantized,
                                                    TensorEditor editor) {
  if (threads < 1) return Error{Code::invalid_argument, format("threads: expected 1 or more, found %d", threads)};
  for (const Tensor& tensor : bound.tensors) {
    if (is_const(tensor.desc.shape)) continue;
    return Error{Code::invalid_argument, format("tensor '%s' of shape %s has a free dimension",
                                                tensor.desc.name.c_str(), to_string(tensor.desc.shape).c_str())};
  }
  auto executor = std::make_unique<CpuExecutor>(std::move(bound), threads, observe_quantized, std::move(editor));
  NBL_CHECK(executor->prepare());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace nibble

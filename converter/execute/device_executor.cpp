#include "converter/execute/device_executor.h"

#include "core/try.h"
#include "format/pack_graph.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"

namespace nibble {
namespace {

// Names in the copy that runs: unique, whatever the network calls its tensors.
std::string run_name(TensorId id) { return "t" + std::to_string(id); }

Status write_input(Session& session, const std::string& name, const reference::FloatValue& value) {
  if (value.is_real()) return session.write(name, std::span<const float>(value.real));
  return session.write(name, std::span<const int64_t>(value.stored));
}

class DeviceExecutor : public Executor {
 public:
  DeviceExecutor(Graph graph, Session session) : graph_(std::move(graph)), session_(std::move(session)) {}

  const Graph& graph() const override { return graph_; }

  Result<std::vector<reference::FloatValue>> run(std::vector<reference::FloatValue> inputs,
                                                 const TensorObserver& observer) override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      NBL_CHECK(write_input(session_, run_name(graph_.inputs[i]), inputs[i]));
      if (observer && inputs[i].is_real()) observer(graph_.inputs[i], inputs[i].real);
    }
    NBL_CHECK(session_.run());
    for (const Node& node : graph_.nodes) {
      for (TensorId id : node.outputs) {
        if (!observer || graph_.desc(id).type != DType::f32) continue;
        NBL_TRY(const TensorValues values, session_.read_tensor(run_name(id)));
        observer(id, {reinterpret_cast<const float*>(values.bytes.data()), values.bytes.size() / sizeof(float)});
      }
    }
    std::vector<reference::FloatValue> outputs;
    for (TensorId id : graph_.outputs) {
      NBL_TRY(const TensorValues values, session_.read_tensor(run_name(id)));
      NBL_TRY(reference::FloatValue value, reference::value_from_bytes<float>(graph_.desc(id), values.bytes));
      outputs.push_back(std::move(value));
    }
    return outputs;
  }

 private:
  Graph graph_;
  Session session_;
};

}  // namespace

Result<std::unique_ptr<Executor>> make_device_executor(Graph bound, const Device& device) {
  Graph copy = bound;
  for (size_t i = 0; i < copy.tensors.size(); ++i) copy.tensors[i].desc.name = run_name(static_cast<TensorId>(i));
  NBL_CHECK(pack_graph(copy));
  NBL_TRY(Model model, make_model(std::move(copy)));
  SessionOptions options;
  options.keep_all = true;
  NBL_TRY(Session session, Session::create(device, model, options));
  return std::unique_ptr<Executor>(std::make_unique<DeviceExecutor>(std::move(bound), std::move(session)));
}

}  // namespace nibble

// One side of a comparison: an ONNX network on an executor, or a .nbl file in the engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "converter/execute/executor.h"
#include "converter/report/real_tensor.h"
#include "nibble/device.h"
#include "nibble/model.h"
#include "nibble/session.h"

namespace nibble::report {

// Called for each float or quantized tensor that a run fed or computed, by name; `values` live during the call only.
using TensorVisitor = std::function<Status(const std::string& name, std::span<const float> values)>;

struct RunResult {
  std::vector<RealTensor> outputs;
  double seconds = 0.0;  // the run alone, without feeding and fetching where these can be told apart
  bool first = false;    // the first one since sizes were bound
};

class ComparedNetwork {
 public:
  virtual ~ComparedNetwork() = default;
  virtual const Graph& graph() const = 0;  // with free dimensions
  // Does nothing when these are the sizes already.
  Status bind(const DimBindings& dims);
  // `values` in the order of the inputs; each is brought to the type its input takes. The visitor may be empty.
  virtual Result<RunResult> run(const std::vector<reference::FloatValue>& values, const TensorVisitor& visitor) = 0;

 protected:
  virtual Status rebind(const DimBindings& dims) = 0;
  bool take_first() { return std::exchange(first_, false); }
  void unbind() { bound_ = false; }

 private:
  DimBindings dims_;
  bool bound_ = false, first_ = true;
};

class FloatNetwork : public ComparedNetwork {
 public:
  // No device: this host's processor.
  FloatNetwork(Graph graph, std::optional<Device> device, media::Preprocessing preprocessing)
      : graph_(std::move(graph)), device_(std::move(device)), preprocessing_(std::move(preprocessing)) {}
  const Graph& graph() const override { return graph_; }
  Result<RunResult> run(const std::vector<reference::FloatValue>& values, const TensorVisitor& visitor) override;

 protected:
  Status rebind(const DimBindings& dims) override;

 private:
  Graph graph_;
  std::optional<Device> device_;
  media::Preprocessing preprocessing_;
  std::unique_ptr<Executor> executor_;
};

class StoredNetwork : public ComparedNetwork {
 public:
  StoredNetwork(Model model, Device device, media::Preprocessing preprocessing)
      : model_(std::move(model)), device_(std::move(device)), preprocessing_(std::move(preprocessing)) {}
  const Graph& graph() const override;
  Result<RunResult> run(const std::vector<reference::FloatValue>& values, const TensorVisitor& visitor) override;

  // Gives each tensor memory of its own from the next bind() on, so that the visitor and tensor() see them.
  void keep_all(bool keep);
  // Names that tensor() knows.
  std::vector<std::string> tensor_names() const { return session_->tensor_names(); }
  // A tensor as the last run left it.
  Result<RealTensor> tensor(const std::string& name) const;

 protected:
  Status rebind(const DimBindings& dims) override;

 private:
  Status visit_tensors(const TensorVisitor& visitor) const;

  Model model_;
  Device device_;
  media::Preprocessing preprocessing_;
  SessionOptions options_;
  std::optional<Session> session_;
};

}  // namespace nibble::report

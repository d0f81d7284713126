#include "converter/report/compared_network.h"

#include <chrono>
#include <set>

#include "converter/execute/device_executor.h"
#include "core/half.h"
#include "core/text.h"
#include "core/try.h"
#include "runtime/model_internal.h"

namespace nibble::report {
namespace {

using reference::FloatValue;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Status check_count(const std::vector<FloatValue>& values, size_t inputs) {
  if (values.size() == inputs) return {};
  return Error{Code::invalid_argument, format("the network has %zu inputs, the sample %zu", inputs, values.size())};
}

template <class T>
Status write_as(Session& session, const std::string& name, const std::vector<int64_t>& stored) {
  const std::vector<T> values(stored.begin(), stored.end());
  return session.write(name, std::span<const T>(values));
}

Status write_input(Session& session, const FloatValue& value) {
  const std::string& name = value.desc.name;
  switch (value.desc.type) {
    case DType::f32: return session.write(name, std::span<const float>(value.real));
    case DType::f16: {
      std::vector<uint16_t> bits;
      for (float v : value.real) bits.push_back(half_from_float(v));
      return session.write(name, std::span<const uint16_t>(bits));
    }
    case DType::i8: return write_as<int8_t>(session, name, value.stored);
    case DType::u8:
    case DType::boolean: return write_as<uint8_t>(session, name, value.stored);
    case DType::i32: return write_as<int32_t>(session, name, value.stored);
    case DType::i64: return session.write(name, std::span<const int64_t>(value.stored));
    case DType::i4:
    case DType::lut4: break;
  }
  return Error{Code::internal, "input '" + name + "' has a type that inputs cannot have"};
}

}  // namespace

Status ComparedNetwork::bind(const DimBindings& dims) {
  if (bound_ && dims == dims_) return {};
  bound_ = false;
  NBL_CHECK(rebind(dims));
  dims_ = dims;
  bound_ = first_ = true;
  return {};
}

Status FloatNetwork::rebind(const DimBindings& dims) {
  executor_.reset();
  NBL_TRY(Graph bound, bind_dims(graph_, dims));
  auto made = device_ ? make_device_executor(std::move(bound), *device_) : make_cpu_executor(std::move(bound));
  if (!made) return std::move(made).error();
  executor_ = *std::move(made);
  return {};
}

Result<RunResult> FloatNetwork::run(const std::vector<FloatValue>& values, const TensorVisitor& visitor) {
  const Graph& bound = executor_->graph();
  NBL_CHECK(check_count(values, bound.inputs.size()));
  std::vector<FloatValue> inputs;
  for (size_t i = 0; i < values.size(); ++i)
    inputs.push_back(fitted(values[i], bound.desc(bound.inputs[i]), preprocessing_));
  Status visited;
  TensorObserver observer;
  if (visitor) {
    observer = [&](TensorId id, std::span<const float> seen) {
      if (visited) visited = visitor(bound.desc(id).name, seen);
    };
  }
  const auto start = Clock::now();
  NBL_TRY(const std::vector<FloatValue> outputs, executor_->run(std::move(inputs), observer));
  RunResult out{{}, seconds_since(start), take_first()};
  NBL_CHECK(std::move(visited));
  for (const FloatValue& value : outputs) out.outputs.push_back(real_tensor(value));
  return out;
}

const Graph& StoredNetwork::graph() const { return model_.state()->graph; }

void StoredNetwork::keep_all(bool keep) {
  if (options_.keep_all == keep) return;
  options_.keep_all = keep;
  session_.reset();
  unbind();
}

Status StoredNetwork::rebind(const DimBindings& dims) {
  if (session_) return session_->bind_dims(dims);
  options_.dims = dims;
  auto made = Session::create(device_, model_, options_);
  if (!made) return std::move(made).error();
  session_.emplace(*std::move(made));
  return {};
}

Result<RunResult> StoredNetwork::run(const std::vector<FloatValue>& values, const TensorVisitor& visitor) {
  const Graph& network = graph();
  NBL_CHECK(check_count(values, network.inputs.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    NBL_CHECK(write_input(*session_, fitted(values[i], network.desc(network.inputs[i]), preprocessing_)));
  }
  const auto start = Clock::now();
  NBL_CHECK(session_->run());
  RunResult out{{}, seconds_since(start), take_first()};
  for (const TensorInfo& info : session_->outputs()) {
    NBL_TRY(RealTensor output, tensor(info.name));
    out.outputs.push_back(std::move(output));
  }
  if (visitor) NBL_CHECK(visit_tensors(visitor));
  return out;
}

Result<RealTensor> StoredNetwork::tensor(const std::string& name) const {
  NBL_TRY(const TensorValues values, session_->read_tensor(name));
  return real_tensor(values);
}

Status StoredNetwork::visit_tensors(const TensorVisitor& visitor) const {
  std::set<std::string> constants;
  for (const Tensor& t : graph().tensors) {
    if (t.is_constant()) constants.insert(t.desc.name);
  }
  for (const std::string& name : session_->tensor_names()) {
    if (constants.contains(name)) continue;
    NBL_TRY(const RealTensor seen, tensor(name));
    if (seen.type == DType::f32 || seen.type == DType::f16 || seen.quantized) NBL_CHECK(visitor(name, seen.values));
  }
  return {};
}

}  // namespace nibble::report

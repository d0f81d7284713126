// Session: values in and out.
#include <algorithm>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "gpu/staging.h"
#include "nibble/session.h"
#include "runtime/session_state.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

Status refuse_external(const TensorInfo& info, const EdgeTensor& edge, const char* kind) {
  return broken_rule(format("%s %s is bound to the application's %s", kind, describe(info).c_str(),
                            edge.external ? "buffer" : "image"));
}

Status write_values(SessionState& state, std::string_view name, DType type, size_t count,
                    std::span<const std::byte> values) {
  NBL_SESSION_CALL(state, "write()");
  const BoundSession& bound = *state.bound;
  NBL_TRY(const size_t index, find_tensor(bound.inputs, name, "input"));
  const TensorInfo& info = bound.inputs[index];
  const EdgeTensor& edge = bound.input_edges[index];
  NBL_CHECK(check_values(info, "input", type, count));
  if (edge.external || edge.image) return refuse_external(info, edge, "input");
  if (edge.buffer < 0) return {};  // nothing reads it
  const gpu::Buffer& buffer = bound.memory_of(edge.buffer);
  const uint64_t offset = bound.offset_of(edge.buffer);
  const size_t bytes = count * device_element_bytes(info.type);
  NBL_CHECK(to_device(info, values, {buffer.mapped() + offset, bytes}));
  return buffer.flush(offset, bytes);
}

Status read_values(SessionState& state, std::string_view name, DType type, size_t count, std::span<std::byte> values) {
  NBL_SESSION_CALL(state, "read()");
  const BoundSession& bound = *state.bound;
  NBL_TRY(const size_t index, find_tensor(bound.outputs, name, "output"));
  const TensorInfo& info = bound.outputs[index];
  const EdgeTensor& edge = bound.output_edges[index];
  NBL_CHECK(check_values(info, "output", type, count));
  if (edge.external || edge.image) return refuse_external(info, edge, "output");
  if (!state.has_run) return broken_rule("read() before the first run of these sizes");
  const gpu::Buffer& buffer = bound.memory_of(edge.buffer);
  const uint64_t offset = bound.offset_of(edge.buffer);
  const size_t bytes = count * device_element_bytes(info.type);
  NBL_CHECK(buffer.invalidate(offset, bytes));
  to_host(info.type, {buffer.mapped() + offset, bytes}, values);
  return {};
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, uint16_t>) return DType::f16;
  if constexpr (std::is_same_v<T, int8_t>) return DType::i8;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::u8;
  if constexpr (std::is_same_v<T, int32_t>) return DType::i32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::i64;
}

// A tensor's words, wherever they are; the device does nothing meanwhile.
Result<std::vector<std::byte>> download(const SessionState& state, BufferId id) {
  const BoundSession& bound = *state.bound;
  std::vector<std::byte> bytes(bound.plan.buffers[static_cast<size_t>(id)].bytes);
  const gpu::Buffer& memory = bound.memory_of(id);
  if (memory.mapped()) {
    NBL_CHECK(memory.read(bound.offset_of(id), bytes));
    return bytes;
  }
  NBL_TRY(gpu::Staging staging, gpu::Staging::create(state.device.state()->gpu, kStagingBytes));
  NBL_CHECK(staging.download(memory, bound.offset_of(id), bytes));
  return bytes;
}

// Inputs and outputs have memory of their own, whatever the plan does with activations.
BufferId edge_buffer(const BoundSession& bound, TensorId tensor) {
  const auto search = [tensor](const std::vector<TensorId>& tensors, const std::vector<EdgeTensor>& edges) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i] == tensor && !edges[i].external && !edges[i].image) return edges[i].buffer;
    }
    return BufferId{-1};
  };
  const BufferId input = search(bound.plan.graph.inputs, bound.input_edges);
  return input >= 0 ? input : search(bound.plan.graph.outputs, bound.output_edges);
}

struct Place {
  BufferId buffer = -1;
  bool flat = true;
  UnitShape units;
};

Place find_place(const BoundSession& bound, TensorId tensor, bool keep_all) {
  if (const BufferId edge = edge_buffer(bound, tensor); edge >= 0) return {edge, true, {}};
  if (!keep_all) return {};
  const auto& forms = bound.plan.tensors;  // sorted by tensor
  const auto form = std::lower_bound(forms.begin(), forms.end(), tensor,
                                     [](const TensorForm& f, TensorId wanted) { return f.tensor < wanted; });
  if (form == forms.end() || form->tensor != tensor) return {};
  const auto buffer = static_cast<size_t>(form->buffer);
  if (bound.plan.buffers[buffer].kind == PlanBuffer::Kind::constants) return {};
  // An alias of an input lies flat in the input's memory, unless that is the application's.
  if (!(bound.ranges[buffer] == bound.own_ranges[buffer])) return {};
  return {form->buffer, form->flat, form->units};
}

bool readable_constant(const Tensor& tensor) {
  return tensor.is_constant() && tensor.desc.packing == Packing::plain && !is_nibbles(tensor.desc.type);
}

}  // namespace

#define NBL_SESSION_IO(T)                                                                            \
  Status Session::write(std::string_view name, std::span<const T> values) {                          \
    return write_values(*state_, name, dtype_of<T>(), values.size(), std::as_bytes(values));         \
  }                                                                                                  \
  Status Session::read(std::string_view name, std::span<T> values) const {                           \
    return read_values(*state_, name, dtype_of<T>(), values.size(), std::as_writable_bytes(values)); \
  }
NBL_SESSION_IO(float)
NBL_SESSION_IO(uint16_t)
NBL_SESSION_IO(int8_t)
NBL_SESSION_IO(uint8_t)
NBL_SESSION_IO(int32_t)
NBL_SESSION_IO(int64_t)
#undef NBL_SESSION_IO

std::vector<std::string> Session::tensor_names() const {
  const BoundSession& bound = *state_->bound;
  std::vector<std::string> names;
  for (size_t i = 0; i < bound.plan.graph.tensors.size(); ++i) {
    const Tensor& tensor = bound.plan.graph.tensors[i];
    const Place place = find_place(bound, static_cast<TensorId>(i), state_->options.keep_all);
    if (place.buffer >= 0 || readable_constant(tensor)) names.push_back(tensor.desc.name);
  }
  return names;
}

Result<TensorValues> Session::read_tensor(std::string_view name) const {
  NBL_SESSION_CALL(*state_, "read_tensor()");
  const BoundSession& bound = *state_->bound;
  const Graph& graph = bound.plan.graph;
  const std::string wanted(name);
  bool exists = false;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& tensor = graph.tensors[i];
    if (tensor.desc.name != name) continue;
    exists = true;
    TensorValues values{tensor_info(tensor.desc, {}), {}};
    if (readable_constant(tensor)) {
      values.bytes.assign(tensor.constant->bytes.begin(), tensor.constant->bytes.end());
      return values;
    }
    const Place place = find_place(bound, static_cast<TensorId>(i), state_->options.keep_all);
    if (place.buffer < 0) continue;
    const bool fed = bound.plan.buffers[static_cast<size_t>(place.buffer)].kind == PlanBuffer::Kind::input;
    if (!fed && !state_->has_run) return broken_rule("read_tensor() before the first run");
    NBL_TRY(const std::vector<std::byte> bytes, download(*state_, place.buffer));
    values.bytes = place.flat ? unpack_flat(values.info, bytes) : unpack_blocked(values.info, place.units, bytes);
    return values;
  }
  if (!exists) return Error{Code::not_found, "the network has no tensor '" + wanted + "'"};
  return Error{Code::invalid_argument, "tensor '" + wanted + "' was not kept: create the session with keep_all, and " +
                                           "note that packed weights and tensors that the plan fused away stay hidden"};
}

}  // namespace nibble

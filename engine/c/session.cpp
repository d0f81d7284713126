#include "c/handles.h"
#include "core/try.h"
#include "nibble/nibble_c_vulkan.h"
#include "nibble/vulkan.h"

namespace nibble::c {
namespace {

// Calls `copy` with the values as a span of the C++ type that `type` stands for.
template <class Copy, class Void>
Status with_values(nbl_type type, Void* values, size_t count, Copy copy) {
  const auto span_of = [&](auto* element) {
    using T = std::conditional_t<std::is_const_v<Void>, std::add_const_t<std::remove_pointer_t<decltype(element)>>,
                                 std::remove_pointer_t<decltype(element)>>;
    return std::span<T>(static_cast<T*>(values), count);
  };
  if (count > 0) NBL_CHECK(need(values, "values"));
  switch (type) {
    case NBL_F32: return copy(span_of(static_cast<float*>(nullptr)));
    case NBL_F16: return copy(span_of(static_cast<uint16_t*>(nullptr)));
    case NBL_I8: return copy(span_of(static_cast<int8_t*>(nullptr)));
    case NBL_U8:
    case NBL_BOOLEAN: return copy(span_of(static_cast<uint8_t*>(nullptr)));
    case NBL_I32: return copy(span_of(static_cast<int32_t*>(nullptr)));
    case NBL_I64: return copy(span_of(static_cast<int64_t*>(nullptr)));
  }
  return Error{Code::invalid_argument, "type " + std::to_string(type) + " is no type of inputs and outputs"};
}

}  // namespace

Result<SessionOptions> options_of(const nbl_session_options* options) {
  NBL_TRY(const nbl_session_options given, read_struct(options, "options"));
  SessionOptions inner;
  NBL_TRY(inner.dims, dims_of(given.dims, given.dim_count));
  inner.memory_limit = given.memory_limit;
  inner.profile = given.profile != 0;
  inner.keep_all = given.keep_all != 0;
  inner.tuned = given.ignore_tuning == 0;
  inner.kernels = text_of(given.kernels);
  return inner;
}

}  // namespace nibble::c

using namespace nibble;
using namespace nibble::c;

nbl_error* nbl_session_create(const nbl_device* device, const nbl_model* model, const nbl_session_options* options,
                              nbl_session** session) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    NBL_CHECK(need(model, "model"));
    NBL_CHECK(need(session, "session"));
    NBL_TRY(const SessionOptions inner, options_of(options));
    NBL_TRY(Session made, Session::create(device->device, model->model, inner));
    std::vector<std::string> names = made.tensor_names();
    *session = new nbl_session{std::move(made), std::move(names), {}};
    return {};
  });
}

void nbl_session_free(nbl_session* session) { delete session; }

size_t nbl_session_input_count(const nbl_session* session) { return session ? session->session.inputs().size() : 0; }
size_t nbl_session_output_count(const nbl_session* session) { return session ? session->session.outputs().size() : 0; }

nbl_error* nbl_session_input(const nbl_session* session, size_t index, nbl_tensor_info* info) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return write_info(session->session.inputs(), index, info, "inputs");
  });
}

nbl_error* nbl_session_output(const nbl_session* session, size_t index, nbl_tensor_info* info) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return write_info(session->session.outputs(), index, info, "outputs");
  });
}

nbl_error* nbl_session_write(nbl_session* session, const char* name, nbl_type type, const void* values, size_t count) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return with_values(type, values, count, [&](auto span) { return session->session.write(name ? name : "", span); });
  });
}

nbl_error* nbl_session_read(const nbl_session* session, const char* name, nbl_type type, void* values, size_t count) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return with_values(type, values, count, [&](auto span) { return session->session.read(name ? name : "", span); });
  });
}

nbl_error* nbl_session_run(nbl_session* session) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return session->session.run();
  });
}

nbl_error* nbl_session_submit(nbl_session* session) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return session->session.submit();
  });
}

nbl_error* nbl_session_wait(nbl_session* session, uint64_t timeout_ns, int32_t* done) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    const auto longest = std::chrono::nanoseconds::max();
    const bool for_ever = timeout_ns >= static_cast<uint64_t>(longest.count());
    NBL_TRY(const bool finished, session->session.wait(for_ever ? longest : std::chrono::nanoseconds(timeout_ns)));
    if (done) *done = finished ? 1 : 0;
    return {};
  });
}

nbl_error* nbl_session_bind_dims(nbl_session* session, const nbl_dim* dims, size_t dim_count) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_TRY(const auto sizes, dims_of(dims, dim_count));
    return session->session.bind_dims(sizes);
  });
}

nbl_error* nbl_session_profile(nbl_session* session, size_t* count) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_CHECK(need(count, "count"));
    NBL_TRY(session->times, session->session.profile());
    *count = session->times.size();
    return {};
  });
}

nbl_error* nbl_session_profile_step(const nbl_session* session, size_t index, nbl_step_time* step) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    if (index >= session->times.size()) {
      return Error{Code::invalid_argument,
                   "index " + std::to_string(index) + " of " + std::to_string(session->times.size()) + " steps"};
    }
    const StepTime& time = session->times[index];
    return write_struct(step, nbl_step_time{0, 0, time.label.c_str(), time.kernel.c_str(), time.ns}, "step");
  });
}

nbl_error* nbl_session_memory(const nbl_session* session, nbl_memory_use* memory) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    const MemoryUse use = session->session.memory();
    return write_struct(
        memory, nbl_memory_use{0, 0, use.weights, use.activations, use.tables, use.inputs, use.outputs, use.total()},
        "memory");
  });
}

char* nbl_session_plan_text(const nbl_session* session) {
  char* text = nullptr;
  nbl_error_free(guarded(__func__, [&]() -> Status {
    if (session) text = copy_text(session->session.plan_text());
    return {};
  }));
  return text;
}

nbl_error* nbl_session_read_tensor(const nbl_session* session, const char* name, void* values, size_t capacity,
                                   size_t* bytes, nbl_type* type) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_CHECK(need(name, "name"));
    NBL_CHECK(need(bytes, "bytes"));
    NBL_TRY(const TensorValues read, session->session.read_tensor(name));
    if (values && capacity < read.bytes.size()) {
      return Error{Code::invalid_argument, "capacity is " + std::to_string(capacity) + " bytes, '" + name + "' has " +
                                               std::to_string(read.bytes.size())};
    }
    if (values && !read.bytes.empty()) std::memcpy(values, read.bytes.data(), read.bytes.size());
    *bytes = read.bytes.size();
    if (type) *type = static_cast<nbl_type>(read.info.type);
    return {};
  });
}

const char* nbl_session_tensor_name(const nbl_session* session, size_t index) {
  return session && index < session->tensor_names.size() ? session->tensor_names[index].c_str() : nullptr;
}

nbl_error* nbl_session_bind_buffer(nbl_session* session, const char* name, VkBuffer buffer, VkDeviceSize offset) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return bind_buffer(session->session, name ? name : "", buffer, offset);
  });
}

nbl_error* nbl_session_record(nbl_session* session, VkCommandBuffer commands) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return record(session->session, commands);
  });
}

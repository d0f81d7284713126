#include "nibble/vulkan.h"

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "core/without_exceptions.h"
#include "gpu/caps_mask.h"
#include "runtime/session_state.h"

namespace nibble {
Result<Device> Device::wrap(const ExternalDevice& external, const DeviceOptions& options) {
  gpu::ExternalHandles handles;
  handles.instance = external.instance;
  handles.physical_device = external.physical_device;
  handles.device = external.device;
  handles.queue = external.queue;
  handles.queue_family = external.queue_family;
  handles.get_instance_proc_addr = external.get_instance_proc_addr;
  handles.api_version = external.instance_version;
  for (const char* name : external.enabled_extensions) {
    if (!name) return broken_rule("wrapping a device: the name of an enabled extension is null");
    handles.enabled_extensions.emplace_back(name);
  }
  handles.enabled_features = external.enabled_features;
  handles.lock_queue = external.lock_queue;
  handles.unlock_queue = external.unlock_queue;
  gpu::DeviceOptions inner;
  inner.pipeline_cache_path = options.pipeline_cache;
  set_cache_data(options, inner);
  if (!options.mask.empty()) {
    NBL_TRY(inner.mask, gpu::parse_mask(options.mask));
  }
  NBL_TRY(gpu::Device device, gpu::Device::wrap(handles, inner));
  return make_device(std::move(device));
}

Status bind_buffer(Session& session, std::string_view name, VkBuffer buffer, VkDeviceSize offset) {
  SessionState& state = session.state();
  NBL_SESSION_CALL(state, "bind_buffer()");
  BoundSession& bound = *state.bound;
  NBL_TRY(EdgeTensor* const edge, find_edge(bound, name));
  if (edge->buffer < 0) return {};  // nothing reads it
  const uint32_t alignment = state.device.state()->caps().offset_alignment;
  if (buffer && offset % alignment != 0) {
    return broken_rule(format("binding '%s' at offset %llu: the device wants multiples of %u",
                              std::string(name).c_str(), static_cast<unsigned long long>(offset), alignment));
  }
  const auto index = static_cast<size_t>(edge->buffer);
  if (const uint64_t most = buffer ? state.device.state()->gpu.buffer_bytes(buffer) : 0;
      buffer && (offset > most || bound.plan.buffers[index].bytes > most - offset)) {
    return broken_rule(format("binding '%s' at offset %llu: it has %llu bytes, the buffer ends at %llu or before",
                              std::string(name).c_str(), static_cast<unsigned long long>(offset),
                              static_cast<unsigned long long>(bound.plan.buffers[index].bytes),
                              static_cast<unsigned long long>(most)));
  }
  const gpu::BufferRange before = bound.ranges[index];
  edge->range = {buffer, offset, bound.plan.buffers[index].bytes};
  edge->external = buffer != VK_NULL_HANDLE;
  bound.refresh(*edge);
  if (bound.ranges[index] == before) return {};
  state.recorded = false;
  if (!buffer) state.external.reset_descriptors();
  return {};
}

Status submit(Session& session, std::span<const SemaphoreUse> wait, std::span<const SemaphoreUse> signal) {
  SessionState& state = session.state();
  return without_exceptions([&]() -> Status {
    NBL_SESSION_CALL(state, "submit()");
    const auto uses = [](std::span<const SemaphoreUse> given) {
      std::vector<gpu::SemaphoreUse> out;
      for (const SemaphoreUse& use : given) out.push_back({use.semaphore, use.value});
      return out;
    };
    return state.submit(uses(wait), uses(signal));
  });
}

Status record(Session& session, VkCommandBuffer commands) {
  SessionState& state = session.state();
  NBL_SESSION_CALL(state, "record()");
  NBL_CHECK(state.check_commands(commands));
  NBL_CHECK(state.external.begin_external(commands));
  state.bound->record(state.external, RecordedFor::application);
  NBL_CHECK(state.external.finish());
  state.has_run = state.bound->timed = true;
  return {};
}

}  // namespace nibble

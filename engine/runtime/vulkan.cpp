#include "nibble/vulkan.h"

#include "core/text.h"
#include "core/try.h"
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
  for (const char* name : external.enabled_extensions) handles.enabled_extensions.emplace_back(name);
  handles.enabled_features = external.enabled_features;
  gpu::DeviceOptions inner;
  inner.pipeline_cache_path = options.pipeline_cache;
  if (!options.mask.empty()) {
    NBL_TRY(inner.mask, gpu::parse_mask(options.mask));
  }
  NBL_TRY(gpu::Device device, gpu::Device::wrap(handles, inner));
  return make_device(std::move(device));
}

Status bind_buffer(Session& session, std::string_view name, VkBuffer buffer, VkDeviceSize offset) {
  SessionState& state = session.state();
  NBL_CHECK(state.check_idle("bind_buffer()"));
  BoundSession& bound = *state.bound;
  NBL_TRY(EdgeTensor* const edge, find_edge(bound, name));
  if (edge->buffer < 0) return {};  // nothing reads it
  const uint32_t alignment = state.device.state()->caps().offset_alignment;
  if (buffer && offset % alignment != 0) {
    return Error{Code::invalid_argument,
                 format("binding '%s' at offset %llu: the device wants multiples of %u", std::string(name).c_str(),
                        static_cast<unsigned long long>(offset), alignment)};
  }
  const auto index = static_cast<size_t>(edge->buffer);
  const gpu::BufferRange before = bound.ranges[index];
  edge->range = {buffer, offset, bound.plan.buffers[index].bytes};
  edge->external = buffer != VK_NULL_HANDLE;
  bound.refresh(*edge);
  if (bound.ranges[index] == before) return {};
  state.recorded = false;
  if (!buffer) state.external.reset_descriptors();
  return {};
}

Status record(Session& session, VkCommandBuffer commands) {
  SessionState& state = session.state();
  NBL_CHECK(state.check_idle("record()"));
  NBL_CHECK(state.external.begin_external(commands));
  state.bound->record(state.external, RecordedFor::application);
  NBL_CHECK(state.external.finish());
  state.has_run = true;
  return {};
}

}  // namespace nibble

#include "gpu/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "gpu/device_choice.h"
#include "gpu/device_plan.h"
#include "gpu/device_state.h"
#include "gpu/feature_chain.h"
#include "gpu/platform.h"
#include "gpu/snapshot.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

Status make_set_layouts(DeviceState& state) {
  for (uint32_t count = 0; count <= kMaxBindings; ++count) {
    std::array<VkDescriptorSetLayoutBinding, kMaxBindings> bindings{};
    for (uint32_t i = 0; i < count; ++i) {
      bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    }
    VkDescriptorSetLayoutCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
    info.bindingCount = count;
    info.pBindings = bindings.data();
    NBL_VK(state.vk.vkCreateDescriptorSetLayout(state.device, &info, nullptr, &state.set_layouts[count]),
           "creating a descriptor set layout");
  }
  return {};
}

// What created and wrapped devices have in common, once the VkDevice is there.
Status finish_state(DeviceState& state, const DevicePlan& plan, const DeviceSnapshot& snapshot,
                    const DeviceOptions& options) {
  state.queue_family = plan.queue_family;
  state.timestamp_bits = plan.timestamp_bits;
  state.timestamp_period = plan.timestamp_period;
  state.caps = plan.caps;
  state.instance_table.vkGetPhysicalDeviceMemoryProperties(state.physical, &state.memory);
  NBL_TRY(state.vk, load_device_table(state.instance_table, state.device));
  NBL_CHECK(make_set_layouts(state));
  const std::string path =
      options.pipeline_cache_path.empty() ? environment("NIBBLE_PIPELINE_CACHE") : options.pipeline_cache_path;
  NBL_TRY(state.cache,
          PipelineCache::create(state.vk, state.device,
                                {snapshot.vendor_id, snapshot.device_id, snapshot.driver_version, snapshot.cache_uuid},
                                path, options.cache_blob, options.kernels));
  return {};
}

Status create_device(DeviceState& state, const DevicePlan& plan) {
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = plan.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;

  std::vector<const char*> extensions;
  for (const std::string& name : plan.extensions) extensions.push_back(name.c_str());
  // A mask may lower caps.api_version; the chain goes by what is enabled, which the plan made reachable.
  FeatureChain features(plan.enable_version, plan.extensions);
  features.set(plan.enable);

  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = features.head();
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  NBL_VK(state.instance_table.vkCreateDevice(state.physical, &info, nullptr, &state.device),
         "creating a device on '" + plan.caps.device_name + "'");
  state.owns_device = true;
  // So that it can be destroyed when another function turns out to be missing.
  state.vk.vkDestroyDevice =
      reinterpret_cast<PFN_vkDestroyDevice>(state.instance_table.vkGetDeviceProcAddr(state.device, "vkDestroyDevice"));
  return {};
}

bool wants_validation(const DeviceOptions& options) {
  const std::string asked = environment("NIBBLE_VALIDATION");
  return options.validation || (!asked.empty() && asked != "0");
}

// The options' mask, narrowed by the environment's.
Result<CapsMask> combined_mask(const CapsMask& own) {
  NBL_TRY(CapsMask combined, mask_from_environment());
  if (own.int8_path) combined.int8_path = own.int8_path;
  // Taking the bounds of one as capabilities under the other yields the tighter of each.
  combined.bound = mask(combined.bound, own);
  return combined;
}

}  // namespace

DeviceState::~DeviceState() {
  if (users != 0) {
    std::fprintf(stderr, "nibble: a Device was destroyed while %lld objects made from it are alive\n",
                 static_cast<long long>(users));
    std::abort();
  }
  close();
}

void DeviceState::close() {
  if (!device) return;
  if (vk.vkDestroyDescriptorSetLayout) {
    (void)cache.save();
    cache.destroy();
    for (VkDescriptorSetLayout layout : set_layouts) vk.vkDestroyDescriptorSetLayout(device, layout, nullptr);
  }
  if (owns_device && vk.vkDestroyDevice) vk.vkDestroyDevice(device, nullptr);
  device = VK_NULL_HANDLE;
}

void DeviceState::set_name(VkObjectType type, uint64_t handle, const char* name) const {
  if (!debug_names || !name || !*name || !instance_table.vkSetDebugUtilsObjectNameEXT) return;
  VkDebugUtilsObjectNameInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
  info.objectType = type;
  info.objectHandle = handle;
  info.pObjectName = name;
  instance_table.vkSetDebugUtilsObjectNameEXT(device, &info);
}

Result<Device> Device::create(const DeviceOptions& options) {
  NBL_TRY(const CapsMask mask, combined_mask(options.mask));
  auto state = std::make_unique<DeviceState>();
  {
    NBL_TRY(Instance instance, Instance::create(wants_validation(options)));
    state->instance.emplace(std::move(instance));
  }
  state->instance_table = state->instance->table();
  state->debug_names = state->instance->debug_names();
  NBL_TRY(const auto devices, state->instance->physical_devices());
  std::vector<DeviceSnapshot> snapshots;
  for (VkPhysicalDevice device : devices) {
    NBL_TRY(DeviceSnapshot snapshot, read_snapshot(state->instance_table, device, state->instance->api_version()));
    snapshots.push_back(std::move(snapshot));
  }
  NBL_TRY(const size_t chosen, choose_device(snapshots, options.choice, environment("NIBBLE_DEVICE")));
  NBL_TRY(const DevicePlan plan, plan_device(snapshots[chosen], mask));
  state->physical = devices[chosen];
  NBL_CHECK(create_device(*state, plan));
  state->events = events_enabled(plan.extensions, nullptr);
  NBL_CHECK(finish_state(*state, plan, snapshots[chosen], options));
  state->vk.vkGetDeviceQueue(state->device, plan.queue_family, 0, &state->queue);
  return Device(std::move(state));
}

namespace {

// What can be called through (devices, queues, command buffers) begins with a pointer to its device's functions, which
// the Vulkan loader puts there (Loader and Layer Interface, "Creating New Dispatchable Objects"); without a loader all
// have the same word in its place. So it tells handles of different devices apart.
bool of_one_device(const void* a, const void* b) {
  return *static_cast<void* const*>(a) == *static_cast<void* const*>(b);
}

Status check_handles(const ExternalHandles& handles, const InstanceTable& table) {
  uint32_t count = 0;
  NBL_VK(table.vkEnumeratePhysicalDevices(handles.instance, &count, nullptr), "listing Vulkan devices");
  std::vector<VkPhysicalDevice> devices(count);
  NBL_VK(table.vkEnumeratePhysicalDevices(handles.instance, &count, devices.data()), "listing Vulkan devices");
  if (std::find(devices.begin(), devices.end(), handles.physical_device) == devices.end()) {
    return broken_rule("wrapping a device: the physical device is not one of this instance");
  }
  if (!of_one_device(handles.device, handles.queue)) {
    return broken_rule("wrapping a device: the queue belongs to another device");
  }
  return {};
}

}  // namespace

uint64_t Device::buffer_bytes(VkBuffer buffer) const {
  VkMemoryRequirements needs{};
  state_->vk.vkGetBufferMemoryRequirements(state_->device, buffer, &needs);
  return needs.size;
}

Status Device::check_owner(const void* dispatchable, const char* what) const {
  if (of_one_device(dispatchable, state_->device)) return {};
  return broken_rule(
      format("%s belongs to another device than '%s', which the session uses", what, caps().device_name.c_str()));
}

Result<Device> Device::wrap(const ExternalHandles& handles, const DeviceOptions& options) {
  if (!handles.instance || !handles.physical_device || !handles.device || !handles.queue ||
      !handles.get_instance_proc_addr) {
    return broken_rule("wrapping a device needs instance, physical device, device, queue and vkGetInstanceProcAddr");
  }
  if (!handles.lock_queue != !handles.unlock_queue) {
    return broken_rule("wrapping a device: lock_queue and unlock_queue go together");
  }
  NBL_TRY(const CapsMask mask, combined_mask(options.mask));
  auto state = std::make_unique<DeviceState>();
  NBL_TRY(state->instance_table, load_instance_table(handles.get_instance_proc_addr, handles.instance));
  NBL_CHECK(check_handles(handles, state->instance_table));
  NBL_TRY(const DeviceSnapshot snapshot,
          read_snapshot(state->instance_table, handles.physical_device, handles.api_version));
  const ShaderFeatures enabled = read_enabled_features(handles.enabled_features, handles.enabled_core_features);
  NBL_TRY(const DevicePlan plan,
          plan_wrapped(snapshot, enabled, handles.enabled_extensions, handles.queue_family, mask));
  state->timeline = timeline_enabled(handles.enabled_features);
  state->events = events_enabled(handles.enabled_extensions, handles.enabled_features);
  for (const std::string& name : handles.enabled_extensions) state->debug_names |= name == "VK_EXT_debug_utils";
  state->physical = handles.physical_device;
  state->device = handles.device;
  state->queue = handles.queue;
  state->lock_queue = handles.lock_queue;
  state->unlock_queue = handles.unlock_queue;
  NBL_CHECK(finish_state(*state, plan, snapshot, options));
  return Device(std::move(state));
}

Device::Device(std::unique_ptr<DeviceState> state) : state_(std::move(state)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

const Caps& Device::caps() const { return state_->caps; }

DeviceStats Device::stats() const {
  return {state_->allocations,    state_->allocated_bytes, state_->peak_bytes,
          state_->uploaded_bytes, state_->pipelines,       state_->submissions};
}

bool Device::validation_enabled() const { return state_->instance && state_->instance->validation_enabled(); }

uint64_t Device::validation_messages() const { return state_->instance ? state_->instance->log().count.load() : 0; }

Status Device::save_pipeline_cache() const {
  const std::lock_guard lock(state_->cache_mutex);
  return state_->cache.save();
}

Result<std::string> Device::cache_blob(uint64_t kernels) const {
  const std::lock_guard lock(state_->cache_mutex);
  return state_->cache.blob(kernels);
}

const std::string& Device::cache_blob_ignored() const { return state_->cache.blob_ignored(); }

const std::string& Device::pipeline_cache_path() const { return state_->cache.path(); }

uint64_t Device::pipeline_cache_bytes_loaded() const { return state_->cache.loaded_bytes(); }

StoredTuning Device::stored_tuning(uint64_t kernels) const { return state_->cache.tuning(kernels); }

void Device::store_tuning(uint64_t kernels, std::string text, MergeTuning merge) const {
  const std::lock_guard lock(state_->cache_mutex);
  state_->cache.set_tuning(kernels, std::move(text), std::move(merge));
}

Status Device::close() {
  if (state_->users == 0) {
    state_->close();
    return {};
  }
  return broken_rule(format("%lld objects made from the device are alive", static_cast<long long>(state_->users)));
}

}  // namespace nibble::gpu

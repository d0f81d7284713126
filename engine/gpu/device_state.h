// What the objects made from a Device share. Private to gpu/; everything else uses device.h.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "gpu/caps.h"
#include "gpu/instance.h"
#include "gpu/pipeline_cache.h"
#include "gpu/vk_table.h"

namespace nibble::gpu {

inline constexpr uint32_t kMaxBindings = 4;  // storage buffers of a kernel; what Vulkan guarantees per stage

struct DeviceState {
  std::optional<Instance> instance;  // empty for a wrapped device
  InstanceTable instance_table;
  DeviceTable vk;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  bool owns_device = false;
  bool debug_names = false;
  bool timeline = false;  // semaphores with values are enabled
  bool events = true;     // vkCreateEvent may be called
  VkQueue queue = VK_NULL_HANDLE;
  uint32_t queue_family = 0;
  uint32_t timestamp_bits = 0;
  float timestamp_period = 1;
  Caps caps;
  VkPhysicalDeviceMemoryProperties memory{};
  // Layout n has storage buffers at bindings 0..n-1 of set 0.
  std::array<VkDescriptorSetLayout, kMaxBindings + 1> set_layouts{};
  PipelineCache cache;
  std::mutex cache_mutex;  // for all of the cache but compiling through it

  std::mutex queue_mutex;                          // vkQueueSubmit wants one thread at a time
  std::function<void()> lock_queue, unlock_queue;  // the application's own, around queue_mutex; may be empty

  std::atomic<uint64_t> allocations{0}, allocated_bytes{0}, peak_bytes{0}, uploaded_bytes{0};
  std::atomic<uint64_t> pipelines{0}, submissions{0};
  std::atomic<int64_t> users{0};  // objects made from the device that are still alive

  DeviceState() = default;
  DeviceState(const DeviceState&) = delete;
  DeviceState& operator=(const DeviceState&) = delete;
  ~DeviceState();
  // Destroys what is made on the device for all objects, and the device where it is nibble's own; then nothing is left.
  void close();

  // Names an object for debuggers and validation messages; does nothing without VK_EXT_debug_utils.
  void set_name(VkObjectType type, uint64_t handle, const char* name) const;
  template <class Handle>
  void set_name(VkObjectType type, Handle handle, const char* name) const {
    set_name(type, (uint64_t)handle, name);  // NOLINT: a pointer on 64-bit hosts, an integer on 32-bit ones
  }
};

// A counted reference: the device asserts in its destructor that none is left. Move-only.
class DeviceUse {
 public:
  DeviceUse() = default;
  explicit DeviceUse(DeviceState& state) : state_(&state) { ++state.users; }
  DeviceUse(DeviceUse&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  DeviceUse& operator=(DeviceUse&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~DeviceUse() {
    if (state_) --state_->users;
  }

  DeviceState* operator->() const { return state_; }
  DeviceState& operator*() const { return *state_; }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  DeviceState* state_ = nullptr;
};

}  // namespace nibble::gpu

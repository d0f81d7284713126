// A Vulkan device with one compute queue: made by nibble, or the application's own.
//
// Ownership: Device owns its VkInstance and VkDevice when it created them and destroys nothing that it was given. It
// outlives every object made from it and aborts with a message if one is left. Move-only; moving keeps objects valid.
// Threads: any thread may create objects from a Device and submit; one object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/caps.h"
#include "gpu/caps_mask.h"
#include "gpu/vk_table.h"
#include "nibble/result.h"

namespace nibble::gpu {

struct DeviceState;
struct StoredTuning;
// From the text that a file holds and the one to be stored there, what is stored.
using MergeTuning = std::function<std::string(std::string_view stored, std::string ours)>;

// Which device: by index in list_devices(), else by a part of its name (case ignored), else by the environment variable
// NIBBLE_DEVICE (an index or a part of a name), else the best: discrete, integrated, virtual, then a CPU.
struct DeviceChoice {
  int index = -1;
  std::string name = {};
};

struct DeviceOptions {
  DeviceChoice choice = {};
  bool validation = false;               // also NIBBLE_VALIDATION=1
  std::string pipeline_cache_path = {};  // else NIBBLE_PIPELINE_CACHE; empty for none on disk
  CapsMask mask = {};                    // combined with NIBBLE_CAPS_MASK
  std::string_view cache_blob = {};      // of Device::cache_blob(), made for the same `kernels`
  uint64_t kernels = 0;
};

struct DeviceSummary {
  int index = 0;
  std::string refusal;        // why the device cannot be used; empty when it can
  Caps caps;                  // of a refused device only name, type, ids and api_version
  uint64_t memory_bytes = 0;  // that a network may take; 0 when not known
};

struct DeviceStats {
  uint64_t allocations = 0;      // vkAllocateMemory calls since creation
  uint64_t allocated_bytes = 0;  // device and host-visible memory held now
  uint64_t peak_bytes = 0;       // the most that was held at once
  uint64_t uploaded_bytes = 0;   // written into mapped memory for the device
  uint64_t pipelines = 0;        // compute pipelines created
  uint64_t submissions = 0;      // vkQueueSubmit calls
};

// A device that the application made and keeps. All handles stay valid until the gpu::Device is gone.
struct ExternalHandles {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;  // if the application submits to it too, it must not do so at the same time
  uint32_t queue_family = 0;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  uint32_t api_version = VK_API_VERSION_1_1;    // VkApplicationInfo::apiVersion of the instance
  std::vector<std::string> enabled_extensions;  // of the device; VK_EXT_debug_utils too if the instance has it
  const void* enabled_features = nullptr;       // pNext chain given to vkCreateDevice, read during wrap() only
  const VkPhysicalDeviceFeatures* enabled_core_features = nullptr;  // pEnabledFeatures, if that was used
  std::function<void()> lock_queue, unlock_queue;                   // around each submission; both or none
};

class Device {
 public:
  // Errors: no loader, no driver, no such device (lists what there is), a device that cannot be used (with reasons).
  static Result<Device> create(const DeviceOptions& options);

  // Capabilities are what the device supports and the application says it enabled.
  static Result<Device> wrap(const ExternalHandles& handles, const DeviceOptions& options);

  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;
  ~Device();

  const Caps& caps() const;
  DeviceStats stats() const;

  bool validation_enabled() const;
  // Warnings and errors of the validation layer so far; 0 where it is not enabled.
  uint64_t validation_messages() const;

  // Writes the pipeline cache to its file if pipelines or tuning were added since it was read; no file, nothing to do.
  // The destructor does the same and ignores errors.
  Status save_pipeline_cache() const;
  // The cache as one piece that DeviceOptions takes again, for an application that keeps it itself; and why the one
  // that was given was not used, empty where it was.
  Result<std::string> cache_blob(uint64_t kernels) const;
  const std::string& cache_blob_ignored() const;
  // Where the cache lies; empty for none on disk. And what was read from there at the start.
  const std::string& pipeline_cache_path() const;
  uint64_t pipeline_cache_bytes_loaded() const;

  // Text that is kept with the pipelines, for this device, its driver and kernels with this hash: as read at the start,
  // and for the next save.
  StoredTuning stored_tuning(uint64_t kernels) const;
  void store_tuning(uint64_t kernels, std::string text, MergeTuning merge = {}) const;

  // Destroys what the device has on it and writes its cache, ahead of the destructor: nothing but the destructor may be
  // called afterwards. An error while objects made from it are alive; nothing is changed then.
  Status close();

  // Bytes of memory that the application's buffer needs: no less than it has.
  uint64_t buffer_bytes(VkBuffer buffer) const;
  // An error when a queue or command buffer is not of this device.
  Status check_owner(const void* dispatchable, const char* what) const;

  DeviceState& state() const { return *state_; }  // for gpu/ only

 private:
  explicit Device(std::unique_ptr<DeviceState> state);
  std::unique_ptr<DeviceState> state_;
};

// All devices, usable or not, in the order of their indices. Errors as in Device::create.
Result<std::vector<DeviceSummary>> list_devices();

}  // namespace nibble::gpu

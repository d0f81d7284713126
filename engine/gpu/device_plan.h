// From what a physical device reports to what is switched on: one rule for created devices, wrapped devices and
// capability files. Plain data and no Vulkan calls, so every case can be tested without the device.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gpu/caps.h"
#include "gpu/caps_mask.h"
#include "nibble/result.h"

namespace nibble::gpu {

struct QueueFamily {
  uint32_t flags = 0;  // VkQueueFlags
  uint32_t count = 1;
  uint32_t timestamp_bits = 0;
};

// Optional features that shaders may need.
struct ShaderFeatures {
  bool storage16 = false;
  bool storage8 = false;
  bool float16 = false;
  bool int8 = false;
  bool int16 = false;
  bool dot8 = false;
  bool operator==(const ShaderFeatures&) const = default;
};

struct MemoryHeap {
  uint64_t bytes = 0;
  bool device_local = false;
};

// What a physical device reports. Defaults are Vulkan 1.1's required minimums.
struct DeviceSnapshot {
  std::string device_name = "unnamed";
  DeviceType type = DeviceType::other;
  uint32_t api_version = 1u << 22 | 1u << 12;       // of the device
  uint32_t instance_version = 1u << 22 | 3u << 12;  // what the instance was made for; the lower of the two counts
  uint32_t vendor_id = 0, device_id = 0, driver_id = 0, driver_version = 0;
  std::array<uint8_t, 16> cache_uuid{};

  uint32_t per_stage_storage_buffers = 4, per_set_storage_buffers = 24, per_stage_resources = 128;
  std::array<uint32_t, 3> workgroup_size = {128, 128, 64}, workgroup_count = {65535, 65535, 65535};
  uint32_t workgroup_invocations = 128, shared_bytes = 16384;
  uint64_t storage_range = 1u << 27, max_allocation = 1u << 30, max_buffer_bytes = UINT64_MAX;
  uint32_t offset_alignment = 256, push_bytes = 128, non_coherent_atom = 256;
  float timestamp_period = 1;  // nanoseconds of a tick
  uint32_t subgroup_size = 1;
  bool subgroup_arithmetic = false, subgroup_shuffle = false, subgroup_quad = false, subgroup_in_compute = true;
  bool dot8_accelerated = false;

  ShaderFeatures features;
  std::vector<std::string> extensions;
  std::vector<QueueFamily> queue_families;
  std::vector<uint32_t> memory_type_flags;  // VkMemoryPropertyFlags of each type; empty when not known
  std::vector<MemoryHeap> memory_heaps;     // empty when not known
};

// What a network may take of the device's memory: the largest device-local heap of a GPU with memory of its own, the
// largest of all where host and device share theirs (there the heaps are shares of the same memory, and buffers that do
// not fit into one may lie in another). UINT64_MAX when no heap is known.
uint64_t memory_bytes(const DeviceSnapshot& snapshot);

struct DevicePlan {
  Caps caps;
  uint32_t queue_family = 0;
  uint32_t timestamp_bits = 0;  // valid bits of a timestamp, 0 where the queue has none
  float timestamp_period = 1;
  uint32_t enable_version = 0;          // version whose core features need no extension; no mask lowers it
  ShaderFeatures enable;                // features to enable at device creation
  std::vector<std::string> extensions;  // and the device extensions that these need
};

// Refuses, with the reason, a device below Vulkan 1.1 or without a compute queue. Prefers a family with compute and
// without graphics, then the first with compute. Nothing that `mask` hides is enabled.
Result<DevicePlan> plan_device(const DeviceSnapshot& snapshot, const CapsMask& mask);

// The same for a device that an application made: only what it says it enabled counts, and the queue is given.
Result<DevicePlan> plan_wrapped(const DeviceSnapshot& snapshot, const ShaderFeatures& enabled,
                                const std::vector<std::string>& enabled_extensions, uint32_t queue_family,
                                const CapsMask& mask);

}  // namespace nibble::gpu

#include "gpu/snapshot.h"

#include <algorithm>
#include <cstring>

#include "core/try.h"
#include "gpu/feature_chain.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

Result<std::vector<std::string>> read_extensions(const InstanceTable& table, VkPhysicalDevice device) {
  uint32_t count = 0;
  NBL_VK(table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr), "listing device extensions");
  std::vector<VkExtensionProperties> rows(count);
  NBL_VK(table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, rows.data()), "listing device extensions");
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; ++i) names.emplace_back(rows[i].extensionName);
  return names;
}

void read_limits(const VkPhysicalDeviceLimits& limits, DeviceSnapshot& s) {
  s.per_stage_storage_buffers = limits.maxPerStageDescriptorStorageBuffers;
  s.per_set_storage_buffers = limits.maxDescriptorSetStorageBuffers;
  s.per_stage_resources = limits.maxPerStageResources;
  for (size_t i = 0; i < 3; ++i) {
    s.workgroup_size[i] = limits.maxComputeWorkGroupSize[i];
    s.workgroup_count[i] = limits.maxComputeWorkGroupCount[i];
  }
  s.workgroup_invocations = limits.maxComputeWorkGroupInvocations;
  s.shared_bytes = limits.maxComputeSharedMemorySize;
  s.storage_range = limits.maxStorageBufferRange;
  s.offset_alignment = static_cast<uint32_t>(limits.minStorageBufferOffsetAlignment);
  s.push_bytes = limits.maxPushConstantsSize;
  s.non_coherent_atom = static_cast<uint32_t>(limits.nonCoherentAtomSize);
  s.timestamp_period = limits.timestampPeriod;
}

void read_properties(const InstanceTable& table, VkPhysicalDevice device, uint32_t version, DeviceSnapshot& s) {
  VkPhysicalDeviceProperties2 head{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
  VkPhysicalDeviceMaintenance3Properties maintenance3{};
  maintenance3.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
  VkPhysicalDeviceSubgroupProperties subgroup{};
  subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDeviceShaderIntegerDotProductProperties dot{};
  dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES;
  VkPhysicalDeviceMaintenance4Properties maintenance4{};
  maintenance4.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES;

  const auto append = [&](auto& structure) {
    structure.pNext = head.pNext;
    head.pNext = &structure;
  };
  const auto has = [&](uint32_t core_version, const char* extension) {
    return version >= core_version ||
           std::find(s.extensions.begin(), s.extensions.end(), extension) != s.extensions.end();
  };
  append(maintenance3);
  append(subgroup);
  if (has(VK_API_VERSION_1_2, "VK_KHR_driver_properties")) append(driver);
  if (has(VK_API_VERSION_1_3, "VK_KHR_shader_integer_dot_product")) append(dot);
  const bool has_maintenance4 = has(VK_API_VERSION_1_3, "VK_KHR_maintenance4");
  if (has_maintenance4) append(maintenance4);
  table.vkGetPhysicalDeviceProperties2(device, &head);

  read_limits(head.properties.limits, s);
  s.max_allocation = maintenance3.maxMemoryAllocationSize;
  if (has_maintenance4) s.max_buffer_bytes = maintenance4.maxBufferSize;
  s.driver_id = driver.driverID;
  s.subgroup_size = subgroup.subgroupSize;
  s.subgroup_in_compute = subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT;
  s.subgroup_arithmetic = subgroup.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
  s.subgroup_shuffle = subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
  s.subgroup_quad = subgroup.supportedOperations & VK_SUBGROUP_FEATURE_QUAD_BIT;
  s.dot8_accelerated = dot.integerDotProduct4x8BitPackedSignedAccelerated;
}

void read_queues_and_memory(const InstanceTable& table, VkPhysicalDevice device, DeviceSnapshot& s) {
  uint32_t count = 0;
  table.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  table.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (const VkQueueFamilyProperties& family : families) {
    s.queue_families.push_back({family.queueFlags, family.queueCount, family.timestampValidBits});
  }
  VkPhysicalDeviceMemoryProperties memory{};
  table.vkGetPhysicalDeviceMemoryProperties(device, &memory);
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    s.memory_type_flags.push_back(memory.memoryTypes[i].propertyFlags);
  }
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    const bool local = memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
    s.memory_heaps.push_back({memory.memoryHeaps[i].size, local});
  }
}

}  // namespace

Result<DeviceSnapshot> read_snapshot(const InstanceTable& table, VkPhysicalDevice device, uint32_t instance_version) {
  DeviceSnapshot s;
  VkPhysicalDeviceProperties properties{};
  table.vkGetPhysicalDeviceProperties(device, &properties);
  s.device_name = properties.deviceName;
  s.type = static_cast<DeviceType>(properties.deviceType);
  s.api_version = properties.apiVersion;
  s.instance_version = instance_version;
  s.vendor_id = properties.vendorID;
  s.device_id = properties.deviceID;
  s.driver_version = properties.driverVersion;
  std::memcpy(s.cache_uuid.data(), properties.pipelineCacheUUID, s.cache_uuid.size());
  read_queues_and_memory(table, device, s);
  const uint32_t version = std::min(properties.apiVersion, instance_version);
  read_limits(properties.limits, s);
  // The *2 queries belong to 1.1; below that plan_device refuses by the version read above.
  if (version < VK_API_VERSION_1_1) return s;
  NBL_TRY(s.extensions, read_extensions(table, device));
  read_properties(table, device, version, s);
  FeatureChain features(version, s.extensions);
  table.vkGetPhysicalDeviceFeatures2(device, features.head());
  s.features = features.get();
  return s;
}

}  // namespace nibble::gpu

// Reads what a physical device reports into plain data.
#pragma once

#include "gpu/device_plan.h"
#include "gpu/vk_table.h"

namespace nibble::gpu {

// `instance_version` is the version that the instance was created for: Vulkan gives no later functions on it.
Result<DeviceSnapshot> read_snapshot(const InstanceTable& table, VkPhysicalDevice device, uint32_t instance_version);

}  // namespace nibble::gpu

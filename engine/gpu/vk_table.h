// Tables of Vulkan functions, loaded from a vkGetInstanceProcAddr. Never global pointers: the application may use its
// own loader, and several devices may live in one process. Plain data, read from any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include "nibble/result.h"

// One function a line.
// clang-format off
// Callable without an instance.
#define NBL_VK_LOADER_FUNCTIONS(row)          \
  row(vkCreateInstance)                       \
  row(vkEnumerateInstanceLayerProperties)     \
  row(vkEnumerateInstanceExtensionProperties)

#define NBL_VK_INSTANCE_FUNCTIONS(row)          \
  row(vkDestroyInstance)                        \
  row(vkEnumeratePhysicalDevices)               \
  row(vkEnumerateDeviceExtensionProperties)     \
  row(vkGetPhysicalDeviceProperties)            \
  row(vkGetPhysicalDeviceProperties2)           \
  row(vkGetPhysicalDeviceFeatures2)             \
  row(vkGetPhysicalDeviceFormatProperties)      \
  row(vkGetPhysicalDeviceMemoryProperties)      \
  row(vkGetPhysicalDeviceQueueFamilyProperties) \
  row(vkCreateDevice)                           \
  row(vkGetDeviceProcAddr)

// VK_EXT_debug_utils; null where it was not enabled.
#define NBL_VK_DEBUG_FUNCTIONS(row)    \
  row(vkCreateDebugUtilsMessengerEXT)  \
  row(vkDestroyDebugUtilsMessengerEXT) \
  row(vkCmdInsertDebugUtilsLabelEXT)   \
  row(vkSetDebugUtilsObjectNameEXT)

#define NBL_VK_DEVICE_FUNCTIONS(row)  \
  row(vkDestroyDevice)                \
  row(vkGetDeviceQueue)               \
  row(vkDeviceWaitIdle)               \
  row(vkQueueSubmit)                  \
  row(vkAllocateMemory)               \
  row(vkFreeMemory)                   \
  row(vkMapMemory)                    \
  row(vkUnmapMemory)                  \
  row(vkFlushMappedMemoryRanges)      \
  row(vkInvalidateMappedMemoryRanges) \
  row(vkCreateBuffer)                 \
  row(vkDestroyBuffer)                \
  row(vkGetBufferMemoryRequirements)  \
  row(vkBindBufferMemory)             \
  row(vkCreateFence)                  \
  row(vkDestroyFence)                 \
  row(vkResetFences)                  \
  row(vkWaitForFences)                \
  row(vkCreateEvent)                  \
  row(vkDestroyEvent)                 \
  row(vkGetEventStatus)               \
  row(vkCreateQueryPool)              \
  row(vkDestroyQueryPool)             \
  row(vkGetQueryPoolResults)          \
  row(vkCreateShaderModule)           \
  row(vkDestroyShaderModule)          \
  row(vkCreatePipelineCache)          \
  row(vkDestroyPipelineCache)         \
  row(vkGetPipelineCacheData)         \
  row(vkCreateComputePipelines)       \
  row(vkDestroyPipeline)              \
  row(vkCreatePipelineLayout)         \
  row(vkDestroyPipelineLayout)        \
  row(vkCreateDescriptorSetLayout)    \
  row(vkDestroyDescriptorSetLayout)   \
  row(vkCreateDescriptorPool)         \
  row(vkDestroyDescriptorPool)        \
  row(vkResetDescriptorPool)          \
  row(vkAllocateDescriptorSets)       \
  row(vkUpdateDescriptorSets)         \
  row(vkCreateCommandPool)            \
  row(vkDestroyCommandPool)           \
  row(vkAllocateCommandBuffers)       \
  row(vkBeginCommandBuffer)           \
  row(vkEndCommandBuffer)             \
  row(vkCmdBindPipeline)              \
  row(vkCmdBindDescriptorSets)        \
  row(vkCmdPushConstants)             \
  row(vkCmdDispatch)                  \
  row(vkCmdDispatchBase)              \
  row(vkCmdPipelineBarrier)           \
  row(vkCmdFillBuffer)                \
  row(vkCmdCopyBuffer)                \
  row(vkCmdCopyBufferToImage)         \
  row(vkCmdCopyImageToBuffer)         \
  row(vkCmdSetEvent)                  \
  row(vkCmdResetQueryPool)            \
  row(vkCmdWriteTimestamp)
// clang-format on

namespace nibble::gpu {

#define NBL_VK_MEMBER(name) PFN_##name name = nullptr;

struct LoaderTable {
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
  PFN_vkEnumerateInstanceVersion vkEnumerateInstanceVersion = nullptr;  // null on a Vulkan 1.0 loader
  NBL_VK_LOADER_FUNCTIONS(NBL_VK_MEMBER)
};

struct InstanceTable {
  NBL_VK_INSTANCE_FUNCTIONS(NBL_VK_MEMBER)
  NBL_VK_DEBUG_FUNCTIONS(NBL_VK_MEMBER)
};

struct DeviceTable {
  NBL_VK_DEVICE_FUNCTIONS(NBL_VK_MEMBER)
};

#undef NBL_VK_MEMBER

// Each fails with the name of the first missing function.
Result<LoaderTable> load_loader_table(PFN_vkGetInstanceProcAddr get);
Result<InstanceTable> load_instance_table(PFN_vkGetInstanceProcAddr get, VkInstance instance);
Result<DeviceTable> load_device_table(const InstanceTable& instance_table, VkDevice device);

}  // namespace nibble::gpu

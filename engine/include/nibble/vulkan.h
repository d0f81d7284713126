// For applications that have a Vulkan device and a frame of their own.
#pragma once

#include <vulkan/vulkan_core.h>

#include <span>
#include <string_view>

#include "nibble/export.h"
#include "nibble/session.h"

namespace nibble {

// Everything stays the application's. The instance must be of Vulkan 1.1 or later.
struct ExternalDevice {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  // With compute. Session::run() and submit() use it too, so the application must not use it in another thread then.
  VkQueue queue = VK_NULL_HANDLE;
  uint32_t queue_family = 0;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  // What the device was created with: only that is used, whatever else the device could do. The features are a chain
  // as passed to vkCreateDevice (VkPhysicalDeviceFeatures2 with its pNext), or null.
  uint32_t instance_version = VK_API_VERSION_1_1;  // VkApplicationInfo::apiVersion
  std::span<const char* const> enabled_extensions;
  const VkPhysicalDeviceFeatures2* enabled_features = nullptr;
};

// Uses `buffer` from byte `offset` on in place of the session's own memory of an input or output, in all later runs and
// recordings. Elements are row-major without gaps: f32 and i32 four bytes, f16 two, i8, u8 and boolean one, i64 as i32;
// the range is rounded up to whole 32-bit words. The offset must be a multiple of minStorageBufferOffsetAlignment, the
// buffer have VK_BUFFER_USAGE_STORAGE_BUFFER_BIT. Binding the same or another buffer each frame is cheap and leaves
// earlier recordings valid. Before any buffer is destroyed that was bound since VK_NULL_HANDLE was last, bind that:
// back to the session's own memory. It, like bind_dims(), which forgets all bindings, ends the life of every recording:
// none may be pending. A buffer that is replaced and destroyed without it may live on in a later recording, when the
// driver gives its handle to another.
NBL_API Status bind_buffer(Session& session, std::string_view name, VkBuffer buffer, VkDeviceSize offset);

// Records the whole network into the application's command buffer: no submit, no wait. On entry, bound inputs must be
// visible to compute reads; on exit, outputs were written by compute; the caller places the barriers around. Recordings
// and runs of one session share its activations, so all go to one queue, and a run() waits for none of them.
// Compute pipeline, descriptor set 0 and push constants are changed.
NBL_API Status record(Session& session, VkCommandBuffer commands);

}  // namespace nibble

/* For applications in C that have a Vulkan device and a frame of their own. The rules are those of vulkan.h. */
#ifndef NIBBLE_NIBBLE_C_VULKAN_H
#define NIBBLE_NIBBLE_C_VULKAN_H

#include <vulkan/vulkan_core.h>

#include "nibble/nibble_c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nbl_external_device {
  uint32_t struct_size;
  uint32_t instance_version; /* VkApplicationInfo::apiVersion; 0: Vulkan 1.1 */
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  VkQueue queue;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr;
  const char* const* enabled_extensions;
  uint32_t enabled_extension_count;
  uint32_t queue_family;
  const VkPhysicalDeviceFeatures2* enabled_features;
} nbl_external_device;

/* Uses the application's device, which must outlive everything made from this. Of `options`, which may be NULL,
 * pipeline_cache and mask count. */
NBL_API nbl_error* nbl_device_wrap(const nbl_external_device* external, const nbl_device_options* options,
                                   nbl_device** device);
/* Uses the application's buffer as an input or output. */
NBL_API nbl_error* nbl_session_bind_buffer(nbl_session* session, const char* name, VkBuffer buffer,
                                           VkDeviceSize offset);
/* Records the whole network into the application's command buffer. */
NBL_API nbl_error* nbl_session_record(nbl_session* session, VkCommandBuffer commands);

#ifdef __cplusplus
}
#endif

#endif

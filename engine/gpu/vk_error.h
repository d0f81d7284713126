// VkResult as a nibble::Error.
#pragma once

#include <vulkan/vulkan_core.h>

#include <string>

#include "nibble/result.h"

// Returns the error of a Vulkan call that did not succeed; `what` says what was being done.
#define NBL_VK(call, what)                                                                                    \
  do {                                                                                                        \
    if (const VkResult nbl_result = (call); nbl_result < 0) return ::nibble::gpu::vk_error(nbl_result, what); \
  } while (0)

namespace nibble::gpu {

const char* to_string(VkResult result);

// device_lost and out_of_memory keep their meaning, a missing layer, extension, feature or driver is
// unsupported_device, anything else internal.
Error vk_error(VkResult result, const std::string& what);

}  // namespace nibble::gpu

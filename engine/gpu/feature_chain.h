// ShaderFeatures as Vulkan structures: to query what a device has, to enable it, and to read what an application
// enabled.
#pragma once

#include <string>
#include <vector>

#include "gpu/device_plan.h"
#include "gpu/vk_table.h"

namespace nibble::gpu {

// VkPhysicalDeviceFeatures2 with a chain of the structures that the device's version or extensions allow.
// Holds pointers into itself: neither copied nor moved.
class FeatureChain {
 public:
  FeatureChain(uint32_t api_version, const std::vector<std::string>& extensions);
  FeatureChain(const FeatureChain&) = delete;
  FeatureChain& operator=(const FeatureChain&) = delete;

  VkPhysicalDeviceFeatures2* head() { return &features2_; }
  void set(const ShaderFeatures& wanted);
  ShaderFeatures get() const;

 private:
  template <class Structure>
  void append(Structure& structure);

  VkPhysicalDeviceFeatures2 features2_{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
  VkPhysicalDevice16BitStorageFeatures storage16_{};
  VkPhysicalDevice8BitStorageFeatures storage8_{};
  VkPhysicalDeviceShaderFloat16Int8Features float16_int8_{};
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot_{};
};

// What an application enabled, from the chain that it gave to vkCreateDevice: single structures or the
// VkPhysicalDeviceVulkan11/12/13Features that hold the same. `base` is pEnabledFeatures, may be null.
ShaderFeatures read_enabled_features(const void* chain, const VkPhysicalDeviceFeatures* base);

// Whether the application enabled timeline semaphores, in the same chain.
bool timeline_enabled(const void* chain);

// Whether VkEvents may be made: always, but on a device with VK_KHR_portability_subset only where the application
// enabled that feature of it.
bool events_enabled(const std::vector<std::string>& extensions, const void* chain);

}  // namespace nibble::gpu

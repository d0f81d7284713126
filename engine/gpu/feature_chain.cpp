#include "gpu/feature_chain.h"

#include <vulkan/vulkan_beta.h>

#include <algorithm>

namespace nibble::gpu {

template <class Structure>
void FeatureChain::append(Structure& structure) {
  structure.pNext = features2_.pNext;
  features2_.pNext = &structure;
}

FeatureChain::FeatureChain(uint32_t api_version, const std::vector<std::string>& extensions) {
  const auto has = [&](uint32_t core_version, const char* extension) {
    return api_version >= core_version ||
           std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
  };
  storage16_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
  storage8_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES;
  float16_int8_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
  dot_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES;
  if (has(VK_API_VERSION_1_1, "VK_KHR_16bit_storage")) append(storage16_);
  if (has(VK_API_VERSION_1_2, "VK_KHR_8bit_storage")) append(storage8_);
  if (has(VK_API_VERSION_1_2, "VK_KHR_shader_float16_int8")) append(float16_int8_);
  if (has(VK_API_VERSION_1_3, "VK_KHR_shader_integer_dot_product")) append(dot_);
}

void FeatureChain::set(const ShaderFeatures& wanted) {
  storage16_.storageBuffer16BitAccess = wanted.storage16;
  storage8_.storageBuffer8BitAccess = wanted.storage8;
  float16_int8_.shaderFloat16 = wanted.float16;
  float16_int8_.shaderInt8 = wanted.int8;
  features2_.features.shaderInt16 = wanted.int16;
  dot_.shaderIntegerDotProduct = wanted.dot8;
}

ShaderFeatures FeatureChain::get() const {
  return {.storage16 = storage16_.storageBuffer16BitAccess == VK_TRUE,
          .storage8 = storage8_.storageBuffer8BitAccess == VK_TRUE,
          .float16 = float16_int8_.shaderFloat16 == VK_TRUE,
          .int8 = float16_int8_.shaderInt8 == VK_TRUE,
          .int16 = features2_.features.shaderInt16 == VK_TRUE,
          .dot8 = dot_.shaderIntegerDotProduct == VK_TRUE};
}

ShaderFeatures read_enabled_features(const void* chain, const VkPhysicalDeviceFeatures* base) {
  ShaderFeatures found;
  if (base) found.int16 = base->shaderInt16;
  for (auto* link = static_cast<const VkBaseInStructure*>(chain); link; link = link->pNext) {
    const void* p = link;
    switch (link->sType) {
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2:
        found.int16 |= static_cast<const VkPhysicalDeviceFeatures2*>(p)->features.shaderInt16 == VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES:
        found.storage16 |= static_cast<const VkPhysicalDeviceVulkan11Features*>(p)->storageBuffer16BitAccess == VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES:
        found.storage16 |=
            static_cast<const VkPhysicalDevice16BitStorageFeatures*>(p)->storageBuffer16BitAccess == VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES: {
        const auto& core12 = *static_cast<const VkPhysicalDeviceVulkan12Features*>(p);
        found.storage8 |= core12.storageBuffer8BitAccess == VK_TRUE;
        found.float16 |= core12.shaderFloat16 == VK_TRUE;
        found.int8 |= core12.shaderInt8 == VK_TRUE;
        break;
      }
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES:
        found.storage8 |=
            static_cast<const VkPhysicalDevice8BitStorageFeatures*>(p)->storageBuffer8BitAccess == VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES: {
        const auto& single = *static_cast<const VkPhysicalDeviceShaderFloat16Int8Features*>(p);
        found.float16 |= single.shaderFloat16 == VK_TRUE;
        found.int8 |= single.shaderInt8 == VK_TRUE;
        break;
      }
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES:
        found.dot8 |= static_cast<const VkPhysicalDeviceVulkan13Features*>(p)->shaderIntegerDotProduct == VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES:
        found.dot8 |=
            static_cast<const VkPhysicalDeviceShaderIntegerDotProductFeatures*>(p)->shaderIntegerDotProduct == VK_TRUE;
        break;
      default: break;
    }
  }
  return found;
}

bool timeline_enabled(const void* chain) {
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) {
      return reinterpret_cast<const VkPhysicalDeviceVulkan12Features*>(next)->timelineSemaphore;
    }
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES) {
      return reinterpret_cast<const VkPhysicalDeviceTimelineSemaphoreFeatures*>(next)->timelineSemaphore;
    }
  }
  return false;
}

bool events_enabled(const std::vector<std::string>& extensions, const void* chain) {
  if (std::find(extensions.begin(), extensions.end(), VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME) == extensions.end()) {
    return true;
  }
  // Its name in the enumeration depends on a macro that all files would have to agree on.
  constexpr auto kPortability = static_cast<VkStructureType>(1000163000);
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next; next = next->pNext) {
    if (next->sType != kPortability) continue;
    return reinterpret_cast<const VkPhysicalDevicePortabilitySubsetFeaturesKHR*>(next)->events;
  }
  return false;
}

}  // namespace nibble::gpu

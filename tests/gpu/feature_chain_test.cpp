#include "gpu/feature_chain.h"

#include <gtest/gtest.h>
#include <vulkan/vulkan_beta.h>

namespace nibble::gpu {
namespace {

TEST(FeatureChain, events_are_a_feature_of_the_portability_subset) {
  const std::vector<std::string> subset = {"VK_KHR_swapchain", "VK_KHR_portability_subset"};
  EXPECT_TRUE(events_enabled({"VK_KHR_swapchain"}, nullptr));
  EXPECT_FALSE(events_enabled(subset, nullptr));
  VkPhysicalDevicePortabilitySubsetFeaturesKHR features{};
  features.sType = static_cast<VkStructureType>(1000163000);
  VkPhysicalDeviceFeatures2 chain{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &features, {}};
  EXPECT_FALSE(events_enabled(subset, &chain));
  features.events = VK_TRUE;
  EXPECT_TRUE(events_enabled(subset, &chain));
}

}  // namespace
}  // namespace nibble::gpu

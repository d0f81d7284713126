#include "gpu/device_plan.h"

#include <gtest/gtest.h>
#include <vulkan/vulkan_core.h>

#include "gpu/device_choice.h"
#include "gpu/feature_chain.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kGraphics = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;

DeviceSnapshot plain_device() {
  DeviceSnapshot s;
  s.device_name = "plain";
  s.queue_families = {{kGraphics, 1, 64}};
  return s;
}

DeviceSnapshot modern_device() {
  DeviceSnapshot s = plain_device();
  s.device_name = "modern";
  s.api_version = VK_API_VERSION_1_3;
  s.features = {true, true, true, true, true, true};
  s.dot8_accelerated = true;
  s.subgroup_arithmetic = s.subgroup_shuffle = true;
  s.subgroup_size = 32;
  return s;
}

bool enables(const DevicePlan& plan, const std::string& extension) {
  for (const auto& name : plan.extensions) {
    if (name == extension) return true;
  }
  return false;
}

TEST(DevicePlan, plain_1_1_device_works_without_any_feature) {
  const auto plan = plan_device(plain_device(), CapsMask());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->caps.bits, Caps::timestamps);
  EXPECT_EQ(plan->enable, ShaderFeatures());
  EXPECT_TRUE(plan->extensions.empty());
  EXPECT_EQ(plan->caps.max_storage_buffers, 4u);
}

TEST(DevicePlan, refuses_vulkan_1_0_saying_so) {
  DeviceSnapshot s = plain_device();
  s.api_version = VK_MAKE_API_VERSION(0, 1, 0, 68);
  const auto plan = plan_device(s, CapsMask());
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::unsupported_device);
  EXPECT_EQ(plan.error().message, "device 'plain': Vulkan 1.1 is needed, the device has 1.0.68");
  s.api_version = VK_API_VERSION_1_3;
  s.instance_version = VK_API_VERSION_1_0;
  EXPECT_NE(plan_device(s, CapsMask()).error().message.find("the instance has 1.0.0"), std::string::npos);
}

TEST(DevicePlan, refuses_a_device_without_a_compute_queue) {
  DeviceSnapshot s = plain_device();
  s.queue_families = {{VK_QUEUE_TRANSFER_BIT, 2, 64}, {VK_QUEUE_COMPUTE_BIT, 0, 64}};
  const auto plan = plan_device(s, CapsMask());
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::unsupported_device);
  s.queue_families.clear();
  EXPECT_FALSE(plan_device(s, CapsMask()));
}

TEST(DevicePlan, prefers_a_compute_family_without_graphics) {
  DeviceSnapshot s = plain_device();
  s.queue_families = {{VK_QUEUE_TRANSFER_BIT, 2, 0}, {kGraphics, 16, 64}, {VK_QUEUE_COMPUTE_BIT, 8, 36}};
  const auto plan = plan_device(s, CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->queue_family, 2u);
  EXPECT_EQ(plan->timestamp_bits, 36u);
}

TEST(DevicePlan, a_queue_without_timestamps_has_no_timestamp_bit) {
  DeviceSnapshot s = plain_device();
  s.queue_families = {{kGraphics, 1, 0}};
  const auto plan = plan_device(s, CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->caps.has(Caps::timestamps));
  EXPECT_EQ(plan->timestamp_bits, 0u);
}

TEST(DevicePlan, core_features_need_no_extension) {
  const auto plan = plan_device(modern_device(), CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->caps.has(Caps::storage16 | Caps::storage8 | Caps::float16 | Caps::int8 | Caps::int16 | Caps::dot8 |
                             Caps::dot8_fast | Caps::subgroup));
  EXPECT_TRUE(plan->extensions.empty());
  EXPECT_EQ(plan->caps.int8_path, Int8Path::dot);
}

TEST(DevicePlan, lanes_are_those_of_a_cpu_that_shuffles_and_swaps_in_quads) {
  DeviceSnapshot s = modern_device();
  s.type = DeviceType::cpu;
  s.subgroup_size = 8;
  s.subgroup_quad = true;
  EXPECT_TRUE(plan_device(s, CapsMask())->caps.has(Caps::lanes));
  EXPECT_FALSE(plan_device(s, minimum_mask())->caps.has(Caps::lanes));
  for (const uint32_t size : {1u, 2u, 6u, 32u}) {
    s.subgroup_size = size;
    EXPECT_FALSE(plan_device(s, CapsMask())->caps.has(Caps::lanes)) << size;
  }
  s.subgroup_size = 8;
  s.subgroup_quad = false;
  EXPECT_FALSE(plan_device(s, CapsMask())->caps.has(Caps::lanes));
  s.subgroup_quad = true;
  s.type = DeviceType::discrete;
  EXPECT_FALSE(plan_device(s, CapsMask())->caps.has(Caps::lanes));
}

TEST(DevicePlan, older_devices_get_features_by_extension_or_not_at_all) {
  DeviceSnapshot s = modern_device();
  s.api_version = VK_API_VERSION_1_1;
  s.extensions = {"VK_KHR_shader_float16_int8", "VK_KHR_8bit_storage"};
  const auto plan = plan_device(s, CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->caps.has(Caps::storage16 | Caps::storage8 | Caps::float16 | Caps::int8));
  EXPECT_FALSE(plan->caps.has(Caps::dot8)) << "reported, but neither core nor extension";
  EXPECT_FALSE(plan->caps.has(Caps::dot8_fast));
  EXPECT_EQ(plan->extensions.size(), 2u);
  EXPECT_TRUE(enables(*plan, "VK_KHR_shader_float16_int8"));
  EXPECT_TRUE(enables(*plan, "VK_KHR_8bit_storage"));
}

TEST(DevicePlan, the_instance_version_limits_the_device) {
  DeviceSnapshot s = modern_device();
  s.instance_version = VK_API_VERSION_1_1;
  const auto plan = plan_device(s, CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->caps.api_version, VK_API_VERSION_1_1);
  EXPECT_FALSE(plan->caps.has(Caps::storage8));
}

TEST(DevicePlan, what_a_mask_hides_is_not_enabled) {
  const auto plan = plan_device(modern_device(), minimum_mask());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->enable, ShaderFeatures());
  EXPECT_EQ(plan->caps.bits, 0u);
  EXPECT_EQ(plan->timestamp_bits, 0u);
}

TEST(DevicePlan, portability_subset_is_enabled_where_it_exists) {
  DeviceSnapshot s = plain_device();
  s.extensions = {"VK_KHR_portability_subset"};
  EXPECT_TRUE(enables(plan_device(s, CapsMask()).value(), "VK_KHR_portability_subset"));
}

TEST(DevicePlan, storage_buffers_are_the_least_of_three_limits) {
  DeviceSnapshot s = plain_device();
  s.per_stage_storage_buffers = 35;
  s.per_set_storage_buffers = 24;
  s.per_stage_resources = 44;
  EXPECT_EQ(plan_device(s, CapsMask()).value().caps.max_storage_buffers, 24u);
}

TEST(DevicePlan, odd_alignments_become_usable_ones) {
  DeviceSnapshot s = plain_device();
  s.offset_alignment = 0;
  s.non_coherent_atom = 48;
  const Caps caps = plan_device(s, CapsMask()).value().caps;
  EXPECT_EQ(caps.offset_alignment, 1u);
  EXPECT_EQ(caps.non_coherent_atom, 64u);
}

TEST(DevicePlan, counts_of_zero_become_one) {
  DeviceSnapshot device = plain_device();
  device.workgroup_invocations = 0;
  device.workgroup_size = {0, 0, 0};
  device.workgroup_count = {0, 0, 0};
  device.subgroup_size = 0;
  const Caps caps = plan_device(device, CapsMask()).value().caps;
  EXPECT_EQ(caps.max_workgroup_invocations, 1u);
  EXPECT_EQ(caps.max_workgroup_size[2], 1u);
  EXPECT_EQ(caps.max_workgroup_count[0], 1u);
  EXPECT_EQ(caps.subgroup_size, 1u);
}

TEST(DevicePlan, memory_is_the_largest_heap_that_networks_may_fill) {
  DeviceSnapshot s = plain_device();
  EXPECT_EQ(plan_device(s, CapsMask()).value().caps.memory_bytes, UINT64_MAX) << "no heap is known";
  s.memory_heaps = {{16u << 20, true}, {512u << 20, true}, {1024u << 20, false}};
  s.type = DeviceType::discrete;
  EXPECT_EQ(plan_device(s, CapsMask()).value().caps.memory_bytes, 512u << 20);
  // A small carve-out for the GPU does not bound what shares the host's memory.
  s.type = DeviceType::integrated;
  EXPECT_EQ(plan_device(s, CapsMask()).value().caps.memory_bytes, 1024u << 20);
}

TEST(DevicePlan, memory_types_tell_unified_from_separate) {
  constexpr uint32_t kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  constexpr uint32_t kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  constexpr uint32_t kCached = kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  DeviceSnapshot s = plain_device();
  s.memory_type_flags = {kLocal, kHost, kLocal | kHost};
  EXPECT_FALSE(plan_device(s, CapsMask()).value().caps.has(Caps::host_cached));
  s.memory_type_flags = {kLocal, kCached};
  EXPECT_TRUE(plan_device(s, CapsMask()).value().caps.has(Caps::host_cached));
  EXPECT_FALSE(plan_device(s, CapsMask()).value().caps.has(Caps::unified));
  s.memory_type_flags = {kLocal | kCached};
  EXPECT_TRUE(plan_device(s, CapsMask()).value().caps.has(Caps::unified));
}

TEST(DevicePlan, a_wrapped_device_has_what_is_supported_and_enabled) {
  ShaderFeatures enabled;
  enabled.storage16 = enabled.dot8 = true;
  DeviceSnapshot s = modern_device();
  s.features.storage16 = false;
  const auto plan = plan_wrapped(s, enabled, {}, 0, CapsMask());
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->caps.has(Caps::dot8));
  EXPECT_FALSE(plan->caps.has(Caps::storage16)) << "enabled, but not supported";
  EXPECT_FALSE(plan->caps.has(Caps::int8)) << "supported, but not enabled";
}

TEST(DevicePlan, a_wrapped_extension_counts_only_when_enabled) {
  DeviceSnapshot s = modern_device();
  s.api_version = VK_API_VERSION_1_1;
  s.extensions = {"VK_KHR_8bit_storage"};
  EXPECT_FALSE(plan_wrapped(s, s.features, {}, 0, CapsMask()).value().caps.has(Caps::storage8));
  EXPECT_TRUE(plan_wrapped(s, s.features, s.extensions, 0, CapsMask()).value().caps.has(Caps::storage8));
}

TEST(DevicePlan, a_wrapped_queue_family_must_compute) {
  DeviceSnapshot s = plain_device();
  s.queue_families = {{kGraphics, 1, 64}, {VK_QUEUE_TRANSFER_BIT, 1, 64}};
  EXPECT_TRUE(plan_wrapped(s, {}, {}, 0, CapsMask()));
  EXPECT_FALSE(plan_wrapped(s, {}, {}, 1, CapsMask()));
  EXPECT_FALSE(plan_wrapped(s, {}, {}, 2, CapsMask()));
}

TEST(FeatureChain, enabled_features_are_found_in_both_spellings) {
  VkPhysicalDeviceVulkan12Features core12{};
  core12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  core12.storageBuffer8BitAccess = core12.shaderInt8 = VK_TRUE;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &core12, {}};
  features.features.shaderInt16 = VK_TRUE;
  ShaderFeatures expected;
  expected.storage8 = expected.int8 = expected.int16 = true;
  EXPECT_EQ(read_enabled_features(&features, nullptr), expected);

  FeatureChain chain(VK_API_VERSION_1_3, {});
  chain.set(modern_device().features);
  EXPECT_EQ(read_enabled_features(chain.head(), nullptr), modern_device().features);
  EXPECT_EQ(read_enabled_features(nullptr, &features.features).int16, true);
  EXPECT_EQ(read_enabled_features(nullptr, nullptr), ShaderFeatures());
}

class Choice : public testing::Test {
 protected:
  std::vector<DeviceSnapshot> devices_ = [] {
    std::vector<DeviceSnapshot> devices(4, plain_device());
    const DeviceType types[] = {DeviceType::cpu, DeviceType::integrated, DeviceType::discrete, DeviceType::discrete};
    const char* names[] = {"llvmpipe (LLVM)", "Iris", "GeForce One", "GeForce Two"};
    for (size_t i = 0; i < devices.size(); ++i) {
      devices[i].type = types[i];
      devices[i].device_name = names[i];
    }
    return devices;
  }();
};

TEST_F(Choice, takes_the_first_discrete_device_by_default) {
  EXPECT_EQ(choose_device(devices_, {}, "").value(), 2u);
  devices_.resize(2);
  EXPECT_EQ(choose_device(devices_, {}, "").value(), 1u);
  devices_.resize(1);
  EXPECT_EQ(choose_device(devices_, {}, "").value(), 0u);
}

TEST_F(Choice, passes_over_devices_that_cannot_be_used) {
  devices_[2].api_version = devices_[3].api_version = VK_API_VERSION_1_0;
  EXPECT_EQ(choose_device(devices_, {}, "").value(), 1u);
  for (auto& device : devices_) device.queue_families.clear();
  const auto none = choose_device(devices_, {}, "");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::unsupported_device);
  EXPECT_NE(none.error().message.find("Iris"), std::string::npos) << none.error().message;
}

TEST_F(Choice, index_goes_before_name_before_environment) {
  EXPECT_EQ(choose_device(devices_, {1, "llvm"}, "3").value(), 1u);
  EXPECT_EQ(choose_device(devices_, {-1, "LLVMPIPE"}, "3").value(), 0u);
  EXPECT_EQ(choose_device(devices_, {}, "3").value(), 3u);
  EXPECT_EQ(choose_device(devices_, {}, "two").value(), 3u);
}

TEST_F(Choice, an_unknown_device_is_an_error_that_lists_them) {
  for (const auto& result : {choose_device(devices_, {4, ""}, ""), choose_device(devices_, {-1, "Radeon"}, ""),
                             choose_device(devices_, {}, "9"), choose_device(devices_, {}, "Radeon")}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::not_found);
    EXPECT_NE(result.error().message.find("3 'GeForce Two'"), std::string::npos) << result.error().message;
  }
}

}  // namespace
}  // namespace nibble::gpu

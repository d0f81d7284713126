#include "tools/caps_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/shared_data.h"

namespace nibble {
namespace {

using gpu::Caps;
using gpu::Int8Path;

// A profile of two blocks that must both hold, and one of two alternatives.
constexpr const char* kProfile = R"({
  "capabilities": {
    "base": {
      "extensions": {"VK_KHR_shader_float16_int8": 1},
      "features": {"VkPhysicalDeviceShaderFloat16Int8FeaturesKHR": {"shaderFloat16": true, "shaderInt8": true}},
      "properties": {"VkPhysicalDeviceProperties": {"limits": {
        "maxComputeSharedMemorySize": 32768, "minStorageBufferOffsetAlignment": 64,
        "maxComputeWorkGroupSize": [256, 128, 64]}}}
    },
    "more": {
      "properties": {
        "VkPhysicalDeviceProperties": {"limits": {
          "maxComputeSharedMemorySize": 16384, "minStorageBufferOffsetAlignment": 16,
          "maxComputeWorkGroupSize": [128, 256, 64]}},
        "VkPhysicalDeviceSubgroupProperties": {"subgroupSize": 16,
          "supportedStages": ["VK_SHADER_STAGE_COMPUTE_BIT"],
          "supportedOperations": ["VK_SUBGROUP_FEATURE_ARITHMETIC_BIT", "VK_SUBGROUP_FEATURE_SHUFFLE_BIT"]}}
    },
    "maybe": {"features": {"VkPhysicalDeviceVulkan11Features": {"storageBuffer16BitAccess": true}}}
  },
  "profiles": {
    "VP_first": {"version": 1, "api-version": "1.1.106", "label": "First", "capabilities": ["base", "more", ["maybe"]]},
    "VP_old": {"version": 1, "api-version": "1.0.68", "capabilities": ["base"]}
  }
})";

TEST(CapsFile, blocks_of_a_profile_add_up_and_alternatives_do_not_count) {
  const auto caps = parse_caps_json(kProfile, {});
  ASSERT_TRUE(caps) << caps.error().message;
  EXPECT_EQ(caps->device_name, "First");
  EXPECT_EQ(gpu::version_to_text(caps->api_version), "1.1.106");
  EXPECT_EQ(caps->bits, Caps::float16 | Caps::int8 | Caps::subgroup);
  EXPECT_EQ(caps->shared_bytes, 32768u);
  EXPECT_EQ(caps->offset_alignment, 16u);
  EXPECT_EQ(caps->max_workgroup_size, (std::array<uint32_t, 3>{256, 256, 64}));
  EXPECT_EQ(caps->subgroup_size, 16u);
  EXPECT_EQ(caps->max_storage_buffers, 4u) << "absent: Vulkan's minimum";
}

TEST(CapsFile, the_kind_of_device_is_a_name_a_number_or_given) {
  const auto type_of = [](const std::string& value, const CapsFileOptions& options) {
    const auto caps =
        parse_caps_json(R"({"capabilities": {"device": {"properties": {"VkPhysicalDeviceProperties": {)" + value +
                            R"(}}}}, "profiles": {"VP": {"api-version": "1.1.0", "capabilities": ["device"]}}})",
                        options);
    EXPECT_TRUE(caps) << caps.error().message;
    return caps ? caps->device_type : gpu::DeviceType::cpu;
  };
  EXPECT_EQ(type_of(R"("deviceType": "VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU")", {}), gpu::DeviceType::discrete);
  EXPECT_EQ(type_of(R"("deviceType": 3)", {}), gpu::DeviceType::virtual_gpu);
  EXPECT_EQ(type_of(R"("deviceType": 7)", {}), gpu::DeviceType::other);
  EXPECT_EQ(type_of("", {}), gpu::DeviceType::other);
  EXPECT_EQ(type_of("", {.type = gpu::DeviceType::discrete}), gpu::DeviceType::discrete);
}

TEST(CapsFile, vulkan_1_0_is_refused_unless_asked_otherwise) {
  const auto refused = parse_caps_json(kProfile, {.profile = "VP_old"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported_device);
  EXPECT_NE(refused.error().message.find("1.0.68"), std::string::npos) << refused.error().message;
  const auto assumed = parse_caps_json(kProfile, {.profile = "VP_old", .assume_api_1_1 = true});
  ASSERT_TRUE(assumed) << assumed.error().message;
  EXPECT_EQ(assumed->shared_bytes, 32768u);
}

TEST(CapsFile, an_unknown_profile_is_named) {
  const auto caps = parse_caps_json(kProfile, {.profile = "VP_none"});
  ASSERT_FALSE(caps);
  EXPECT_EQ(caps.error().code, Code::not_found);
  EXPECT_NE(caps.error().message.find("VP_none"), std::string::npos);
}

TEST(CapsFile, what_is_no_profile_is_one_clear_error) {
  for (const char* text :
       {"", "text", "[]", "{}", "3", R"({"profiles": {}, "capabilities": {}})",
        R"({"profiles": {"a": {}}, "capabilities": {}})", R"({"profiles": [], "capabilities": {}})",
        R"({"profiles": {"a": {"capabilities": ["b"]}}, "capabilities": {}})",
        R"({"profiles": {"a": {"capabilities": []}}, "capabilities": {}})",
        R"({"profiles": {"a": 3}, "capabilities": {"b": 1}})",
        R"({"profiles": {"a": {"api-version": "x", "capabilities": ["b"]}}, "capabilities": {"b": {}}})"}) {
    const auto caps = parse_caps_json(text, {});
    ASSERT_FALSE(caps) << text;
    EXPECT_EQ(caps.error().code, Code::corrupt_file) << text;
  }
}

TEST(CapsFile, a_limit_of_the_wrong_kind_is_named) {
  for (const char* limit : {R"("maxComputeSharedMemorySize": "many")", R"("maxComputeSharedMemorySize": -1)",
                            R"("maxComputeWorkGroupSize": [1, 2])", R"("maxComputeWorkGroupSize": 4)"}) {
    const auto caps = parse_caps_json(R"({"profiles": {"a": {"api-version": "1.1.0", "capabilities": ["b"]}},
      "capabilities": {"b": {"properties": {"VkPhysicalDeviceProperties": {"limits": {)" +
                                          std::string(limit) + "}}}}}}",
                                      {});
    ASSERT_FALSE(caps) << limit;
    EXPECT_EQ(caps.error().code, Code::corrupt_file);
    EXPECT_NE(caps.error().message.find("maxCompute"), std::string::npos) << caps.error().message;
  }
}

TEST(CapsFile, no_prefix_and_no_damaged_byte_crashes) {
  const std::string text = kProfile;
  for (size_t length = 0; length < text.size(); ++length) EXPECT_FALSE(parse_caps_json(text.substr(0, length), {}));
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'}', '9', '\xff'}) {
      std::string damaged = text;
      damaged[i] = c;
      const auto caps = parse_caps_json(damaged, {});
      EXPECT_TRUE(caps || !caps.error().message.empty());
    }
  }
}

TEST(CapsFile, deep_nesting_is_an_error_and_no_crash) {
  EXPECT_FALSE(parse_caps_json(std::string(1000000, '['), {}));
  EXPECT_FALSE(parse_caps_json(std::string(500000, '[') + std::string(500000, ']'), {}));
}

TEST(CapsFile, missing_files_and_folders_are_named) {
  for (const std::string& path : {testing::TempDir() + "no_such_file.json", testing::TempDir()}) {
    const auto caps = read_caps_file(path, {});
    ASSERT_FALSE(caps);
    EXPECT_NE(caps.error().message.find(path), std::string::npos) << caps.error().message;
  }
}

TEST(SharedCapsFiles, every_device_is_read_and_only_vulkan_1_0_refused) {
  const auto folder = test::shared_data("data/vulkan-devices");
  if (!folder) GTEST_SKIP() << "no shared data: vulkan-devices";
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".json") continue;
    const bool old = entry.path().filename() == "VP_ANDROID_vulkan_profile_2021.json";
    auto caps = read_caps_file(entry.path().string(), {});
    EXPECT_EQ(caps.has_value(), !old) << entry.path();
    if (old) caps = read_caps_file(entry.path().string(), {.assume_api_1_1 = true});
    ASSERT_TRUE(caps) << entry.path() << caps.error().message;
    ++read;
    // What Vulkan guarantees holds for every file, and the text form carries it all.
    EXPECT_GE(caps->max_storage_buffers, 4u) << entry.path();
    EXPECT_GE(caps->max_workgroup_invocations, 128u) << entry.path();
    EXPECT_GE(caps->shared_bytes, 16384u) << entry.path();
    EXPECT_GE(caps->max_buffer_range, 1u << 27) << entry.path();
    EXPECT_GE(caps->max_allocation, 1u << 30) << entry.path();
    EXPECT_LE(caps->offset_alignment, 256u) << entry.path();
    EXPECT_GE(caps->push_bytes, 128u) << entry.path();
    EXPECT_EQ(gpu::parse_text(gpu::to_text(*caps)).value(), *caps) << entry.path();
  }
  EXPECT_GE(read, 16);
}

struct Known {
  const char* file;
  uint32_t bits;
  uint32_t shared_bytes, subgroup_size, offset_alignment, driver_id;
  Int8Path path;
};

class SharedDevice : public testing::TestWithParam<Known> {};

TEST_P(SharedDevice, has_the_capabilities_that_its_report_shows) {
  const Known& known = GetParam();
  const auto path = test::shared_data(std::string("data/vulkan-devices/") + known.file);
  if (!path) GTEST_SKIP() << "no shared data: " << known.file;
  const auto caps = read_caps_file(path->string(), {.assume_api_1_1 = true});
  ASSERT_TRUE(caps) << caps.error().message;
  EXPECT_EQ(gpu::bits_to_text(caps->bits), gpu::bits_to_text(known.bits));
  EXPECT_EQ(caps->shared_bytes, known.shared_bytes);
  EXPECT_EQ(caps->subgroup_size, known.subgroup_size);
  EXPECT_EQ(caps->offset_alignment, known.offset_alignment);
  EXPECT_EQ(caps->driver_id, known.driver_id);
  EXPECT_EQ(caps->int8_path, known.path);
}

constexpr uint32_t kNarrow = Caps::storage16 | Caps::storage8 | Caps::int8 | Caps::int16;
constexpr uint32_t kFull = kNarrow | Caps::float16 | Caps::dot8 | Caps::subgroup | Caps::timestamps;

INSTANTIATE_TEST_SUITE_P(
    , SharedDevice,
    testing::Values(Known{"VP_ANDROID_vulkan_profile_2021.json", 0, 16384, 1, 256, 0, Int8Path::shift},
                    Known{"VP_ANDROID_vulkan_profile_2022.json", Caps::int16, 16384, 1, 256, 0, Int8Path::shift},
                    Known{"VP_ANDROID_vulkan_profile_2025.json", Caps::int16, 16384, 1, 256, 0, Int8Path::shift},
                    Known{"vp_gpuinfo_nvidia_geforce_gtx_1060_535_86_5_0_ubuntu_22_04.json",
                          (kFull & ~uint32_t{Caps::float16}) | Caps::dot8_fast, 49152, 32, 16, 4, Int8Path::dot},
                    Known{"vp_gpuinfo_nvidia_geforce_rtx_5090_610_43_2_0_freebsd_15_1.json", kFull | Caps::dot8_fast,
                          49152, 32, 16, 4, Int8Path::dot},
                    Known{"vp_gpuinfo_llvmpipe__llvm_22_1_6__256_bits__26_1_99_cachyos_unknown.json",
                          kFull | Caps::lanes, 32768, 8, 16, 13, Int8Path::shift},
                    Known{"vp_gpuinfo_amd_radeon_rx_570_series__radv_polaris10__26_0_6_linuxmint_22_3.json",
                          kFull & ~uint32_t{Caps::float16}, 65536, 64, 4, 3, Int8Path::shift},
                    Known{"vp_gpuinfo_apple_m1_26_1_99_macos_26_5_0.json", kFull & ~uint32_t{Caps::timestamps}, 32768,
                          32, 16, 0, Int8Path::shift}));

}  // namespace
}  // namespace nibble

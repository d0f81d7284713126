#include "gpu/device.h"

#include <cstdlib>

#include "gpu/device_state.h"
#include "gpu/platform.h"
#include "gpu_fixture.h"
#include "support/validation_listener.h"

namespace nibble::gpu {
namespace {

// Sets an environment variable for one test.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name), before_(environment(name)) {
    setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    // Set but empty is not the same to the loader.
    if (before_.empty()) {
      unsetenv(name_);
    } else {
      setenv(name_, before_.c_str(), 1);
    }
  }

 private:
  const char* name_;
  std::string before_;
};

class DeviceTest : public GpuTest {};

TEST_F(DeviceTest, is_listed_with_the_same_capabilities) {
  const auto devices = list_devices();
  ASSERT_TRUE(devices) << devices.error().message;
  ASSERT_FALSE(devices->empty());
  EXPECT_EQ((*devices)[0].index, 0);
  EXPECT_EQ((*devices)[0].refusal, "");
  EXPECT_EQ((*devices)[0].caps, device_->caps());
  EXPECT_GT((*devices)[0].memory_bytes, 0u);
}

TEST_F(DeviceTest, can_be_chosen_by_index_and_name) {
  const std::string name = device_->caps().device_name;
  EXPECT_TRUE(Device::create({.choice = {0, ""}}));
  EXPECT_TRUE(Device::create({.choice = {-1, name.substr(1, 5)}}));
  const auto missing = Device::create({.choice = {77, ""}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().message.find(name), std::string::npos);
}

TEST_F(DeviceTest, the_environment_chooses_too) {
  {
    const Environment by_name("NIBBLE_DEVICE", device_->caps().device_name.substr(0, 6));
    EXPECT_TRUE(Device::create({}));
  }
  const Environment wrong("NIBBLE_DEVICE", "no such device");
  const auto device = Device::create({});
  ASSERT_FALSE(device);
  EXPECT_NE(device.error().message.find("NIBBLE_DEVICE"), std::string::npos);
}

TEST_F(DeviceTest, options_and_environment_mask_together) {
  const Environment variable("NIBBLE_CAPS_MASK", "shared_bytes=8192");
  DeviceOptions options;
  options.mask = parse_mask("max_workgroup_invocations=64,int8_path=f32").value();
  const auto device = Device::create(options);
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_EQ(device->caps().shared_bytes, 8192u);
  EXPECT_EQ(device->caps().max_workgroup_invocations, 64u);
  EXPECT_EQ(device->caps().int8_path, Int8Path::f32);
}

TEST_F(DeviceTest, a_bad_mask_is_an_error) {
  const Environment variable("NIBBLE_CAPS_MASK", "speed=11");
  const auto device = Device::create({});
  ASSERT_FALSE(device);
  EXPECT_NE(device.error().message.find("NIBBLE_CAPS_MASK"), std::string::npos);
}

TEST_F(DeviceTest, a_missing_loader_says_what_to_install) {
  const auto loader = open_vulkan_loader("libno_such_vulkan.so.1");
  ASSERT_FALSE(loader);
  EXPECT_EQ(loader.error().code, Code::not_found);
  EXPECT_NE(loader.error().message.find("install"), std::string::npos) << loader.error().message;
}

TEST_F(DeviceTest, a_missing_driver_says_what_to_install) {
  const Environment icd("VK_ICD_FILENAMES", "/nowhere/icd.json");
  const Environment driver("VK_DRIVER_FILES", "/nowhere/icd.json");
  for (const Error& error : {Device::create({}).error(), list_devices().error()}) {
    EXPECT_EQ(error.code, Code::unsupported_device);
    EXPECT_NE(error.message.find("install"), std::string::npos) << error.message;
  }
}

TEST_F(DeviceTest, counts_memory_and_gives_it_back) {
  const DeviceStats before = device_->stats();
  {
    const Buffer buffer = Buffer::create(*device_, 1 << 20, BufferPurpose::device_local, "one").value();
    const DeviceStats during = device_->stats();
    EXPECT_EQ(during.allocations, before.allocations + 1);
    EXPECT_GE(during.allocated_bytes, before.allocated_bytes + (1 << 20));
    EXPECT_GE(during.peak_bytes, during.allocated_bytes);
  }
  EXPECT_EQ(device_->stats().allocated_bytes, before.allocated_bytes);
  EXPECT_GE(device_->stats().peak_bytes, before.allocated_bytes + (1 << 20));
}

TEST_F(DeviceTest, a_buffer_beyond_the_device_names_wish_and_limit) {
  const uint64_t limit = device_->caps().max_allocation;
  const auto buffer = Buffer::create(*device_, limit + 1, BufferPurpose::device_local, "weights");
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, Code::out_of_memory);
  for (const std::string& part : {std::string("weights"), std::to_string(limit), std::to_string(limit + 1)}) {
    EXPECT_NE(buffer.error().message.find(part), std::string::npos) << buffer.error().message;
  }
  EXPECT_FALSE(Buffer::create(*device_, 0, BufferPurpose::upload, "nothing"));
}

TEST_F(DeviceTest, host_access_stays_inside_the_buffer) {
  const Buffer buffer = Buffer::create(*device_, 16, BufferPurpose::upload, "small").value();
  std::byte data[17] = {};
  EXPECT_TRUE(buffer.write(0, std::span(data, 16)));
  EXPECT_FALSE(buffer.write(0, std::span(data, 17)));
  EXPECT_FALSE(buffer.write(16, std::span(data, 1)));
  EXPECT_TRUE(buffer.write(16, std::span(data, size_t{0})));
  EXPECT_FALSE(buffer.read(UINT64_MAX, std::span(data, 2)));
}

TEST_F(DeviceTest, device_memory_is_mapped_only_on_a_unified_device) {
  const Buffer buffer = Buffer::create(*device_, 64, BufferPurpose::device_local, "local").value();
  if (device_->caps().has(Caps::unified)) {
    EXPECT_NE(buffer.mapped(), nullptr);
  } else if (environment("NIBBLE_CAPS_MASK") != "minimum") {
    // Masked, a software driver's only memory type is still visible to the host.
    EXPECT_EQ(buffer.mapped(), nullptr);
  }
}

TEST_F(DeviceTest, pipelines_outside_the_limits_are_refused) {
  const uint32_t junk[] = {1, 2, 3, 4, 5, 6};
  const auto refused = [&](PipelineSpec spec) {
    const auto pipeline = Pipeline::create(*device_, spec);
    EXPECT_FALSE(pipeline);
    return pipeline ? "" : pipeline.error().message;
  };
  EXPECT_NE(refused({.spirv = junk, .name = "junk"}).find("no SPIR-V"), std::string::npos);
  EXPECT_NE(refused({.spirv = {}, .name = "empty"}).find("no SPIR-V"), std::string::npos);
  EXPECT_NE(refused({.spirv = scale_spirv, .bindings = 5, .name = "wide"}).find("5 storage buffers"),
            std::string::npos);
  EXPECT_NE(refused({.spirv = scale_spirv, .bindings = 2, .push_bytes = 4096, .name = "p"}).find("4096 push"),
            std::string::npos);
}

TEST_F(DeviceTest, validation_counts_a_wrong_call) {
  if (!device_->validation_enabled()) GTEST_SKIP() << "the validation layer is not installed";
  ASSERT_EQ(device_->validation_messages(), 0u);
  VkFenceCreateInfo wrong{};  // without its sType
  wrong.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  VkFence fence = VK_NULL_HANDLE;
  device_->state().vk.vkCreateFence(device_->state().device, &wrong, nullptr, &fence);
  device_->state().vk.vkDestroyFence(device_->state().device, fence, nullptr);
  EXPECT_GT(device_->validation_messages(), 0u);
  EXPECT_NE(test::take_validation_messages().find("VUID-VkFenceCreateInfo-sType"), std::string::npos);
}

TEST(DeviceDeathTest, destroying_a_device_before_its_objects_is_caught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Buffer buffer;
        auto device = Device::create({}).value();
        buffer = Buffer::create(device, 16, BufferPurpose::upload, "left over").value();
        const Device taken = std::move(device);
      },
      "objects made from it are alive");
}

}  // namespace
}  // namespace nibble::gpu

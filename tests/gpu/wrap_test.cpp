#include "gpu_fixture.h"
#include "own_device.h"

namespace nibble::gpu {
namespace {

TEST(Wrap, works_and_destroys_nothing_that_it_was_given) {
  const OwnDevice own;
  for (int round = 0; round < 2; ++round) {
    auto device = Device::wrap(own.handles(), {});
    ASSERT_TRUE(device) << device.error().message;
    const Pipeline scale = make_scale(*device, 1).value();
    const Buffer buffer = Buffer::create(*device, 64, BufferPurpose::upload, "in").value();
    const Buffer out = Buffer::create(*device, 64, BufferPurpose::readback, "out").value();
    const auto data = iota(16);
    ASSERT_TRUE(buffer.write(0, std::as_bytes(std::span(data))));
    CommandList list = CommandList::create(*device, "wrapped").value();
    ASSERT_TRUE(list.begin());
    record_scale(list, scale, buffer.whole(), out.whole(), 16, 10);
    list.barrier(compute, host);
    ASSERT_TRUE(list.finish());
    ASSERT_TRUE(list.submit());
    ASSERT_TRUE(list.wait(60 * kSecond).value());
    uint32_t last = 0;
    ASSERT_TRUE(out.read(60, std::as_writable_bytes(std::span(&last, 1))));
    EXPECT_EQ(last, 161u);
  }
  EXPECT_EQ(own.vk().vkDeviceWaitIdle(own.handles().device), VK_SUCCESS);
}

TEST(Wrap, capabilities_are_those_that_were_enabled) {
  const Caps all = Device::create({}).value().caps();
  const OwnDevice plain;
  const Caps none = Device::wrap(plain.handles(), {}).value().caps();
  EXPECT_FALSE(none.bits & (Caps::storage16 | Caps::storage8 | Caps::float16 | Caps::int8 | Caps::int16 | Caps::dot8));
  EXPECT_EQ(none.max_storage_buffers, all.max_storage_buffers);
  if (!all.has(Caps::storage16)) GTEST_SKIP() << "the device has no 16-bit storage to enable";
  VkPhysicalDeviceVulkan11Features features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  features.storageBuffer16BitAccess = VK_TRUE;
  const OwnDevice enabling(&features);
  EXPECT_TRUE(Device::wrap(enabling.handles(), {}).value().caps().has(Caps::storage16));
}

TEST(Wrap, records_into_the_applications_command_buffer) {
  const OwnDevice own;
  const DeviceTable& vk = own.vk();
  auto device = Device::wrap(own.handles(), {}).value();
  const Pipeline scale = make_scale(device, 0).value();
  const Buffer in = Buffer::create(device, 64, BufferPurpose::upload, "in").value();
  const Buffer out = Buffer::create(device, 64, BufferPurpose::readback, "out").value();
  CommandList list = CommandList::create(device, "external").value();

  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  VkCommandPool pool = VK_NULL_HANDLE;
  ASSERT_EQ(vk.vkCreateCommandPool(own.handles().device, &pool_info, nullptr, &pool), VK_SUCCESS);
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool;
  info.commandBufferCount = 2;
  VkCommandBuffer commands[2] = {};
  ASSERT_EQ(vk.vkAllocateCommandBuffers(own.handles().device, &info, commands), VK_SUCCESS);

  EXPECT_FALSE(list.begin_external(VK_NULL_HANDLE));
  for (uint32_t frame = 0; frame < 2; ++frame) {
    const auto data = iota(16);
    ASSERT_TRUE(in.write(0, std::as_bytes(std::span(data))));
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    ASSERT_EQ(vk.vkBeginCommandBuffer(commands[frame], &begin), VK_SUCCESS);
    ASSERT_TRUE(list.begin_external(commands[frame]));
    record_scale(list, scale, in.whole(), out.whole(), 16, frame + 2);
    list.barrier(compute, host);
    ASSERT_TRUE(list.finish());
    EXPECT_FALSE(list.submit()) << "the application submits";
    ASSERT_EQ(vk.vkEndCommandBuffer(commands[frame]), VK_SUCCESS);
    VkSubmitInfo submit{};
    submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submit.commandBufferCount = 1;
    submit.pCommandBuffers = &commands[frame];
    ASSERT_EQ(vk.vkQueueSubmit(own.handles().queue, 1, &submit, VK_NULL_HANDLE), VK_SUCCESS);
    ASSERT_EQ(vk.vkDeviceWaitIdle(own.handles().device), VK_SUCCESS);
    uint32_t last = 0;
    ASSERT_TRUE(out.read(60, std::as_writable_bytes(std::span(&last, 1))));
    EXPECT_EQ(last, 16 * (frame + 2));
  }
  vk.vkDestroyCommandPool(own.handles().device, pool, nullptr);
}

TEST(Wrap, incomplete_handles_are_refused) {
  const OwnDevice own;
  ExternalHandles handles = own.handles();
  handles.queue = VK_NULL_HANDLE;
  EXPECT_FALSE(Device::wrap(handles, {}));
  handles = own.handles();
  handles.queue_family = 1000;
  EXPECT_FALSE(Device::wrap(handles, {}));
  handles = own.handles();
  handles.api_version = VK_API_VERSION_1_0;
  const auto old = Device::wrap(handles, {});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Code::unsupported_device);
}

}  // namespace
}  // namespace nibble::gpu

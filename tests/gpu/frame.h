// What an application does around a network inside its frame: command buffers, barriers, submission.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "gpu/own_device.h"

namespace nibble::gpu {

// Command buffers of an application.
class Frame {
 public:
  explicit Frame(const gpu::OwnDevice& own) : own_(own) {
    VkCommandPoolCreateInfo pool{};
    pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool.queueFamilyIndex = own.handles().queue_family;
    EXPECT_EQ(own.vk().vkCreateCommandPool(own.handles().device, &pool, nullptr, &pool_), VK_SUCCESS);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() { own_.vk().vkDestroyCommandPool(own_.handles().device, pool_, nullptr); }

  VkCommandBuffer begin() const {
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool_;
    info.commandBufferCount = 1;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    EXPECT_EQ(own_.vk().vkAllocateCommandBuffers(own_.handles().device, &info, &commands), VK_SUCCESS);
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    EXPECT_EQ(own_.vk().vkBeginCommandBuffer(commands, &begin), VK_SUCCESS);
    return commands;
  }
  void end(VkCommandBuffer commands) const {
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT,
                            VK_ACCESS_HOST_READ_BIT};
    own_.vk().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                                   &barrier, 0, nullptr, 0, nullptr);
    EXPECT_EQ(own_.vk().vkEndCommandBuffer(commands), VK_SUCCESS);
  }
  void submit(std::vector<VkCommandBuffer> commands) const {
    VkSubmitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    info.commandBufferCount = static_cast<uint32_t>(commands.size());
    info.pCommandBuffers = commands.data();
    EXPECT_EQ(own_.vk().vkQueueSubmit(own_.handles().queue, 1, &info, VK_NULL_HANDLE), VK_SUCCESS);
    EXPECT_EQ(own_.vk().vkDeviceWaitIdle(own_.handles().device), VK_SUCCESS);
  }

 private:
  const gpu::OwnDevice& own_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
};

}  // namespace nibble::gpu

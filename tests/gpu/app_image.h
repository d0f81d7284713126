// An image of an application, with its own memory, transitions and copies.
#pragma once

#include "gpu/buffer.h"
#include "gpu/frame.h"
#include "nibble/vulkan_image.h"

namespace nibble::gpu {

class AppImage {
 public:
  AppImage(const OwnDevice& own, VkFormat format, VkExtent2D extent, VkImageUsageFlags usage,
           VkImageTiling tiling = VK_IMAGE_TILING_OPTIMAL)
      : own_(own), pixel_bytes_(format == VK_FORMAT_R16G16B16A16_SFLOAT ? 8 : 4) {
    external_.format = format;
    external_.extent = extent;
    external_.usage = usage;
    external_.tiling = tiling;
    VkImageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = format;
    info.extent = {extent.width, extent.height, 1};
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.tiling = tiling;
    info.usage =
        usage | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;  // for upload() and pixels()
    const VkDevice device = own.handles().device;
    EXPECT_EQ(own.load<PFN_vkCreateImage>("vkCreateImage")(device, &info, nullptr, &external_.image), VK_SUCCESS);
    VkMemoryRequirements needs{};
    own.load<PFN_vkGetImageMemoryRequirements>("vkGetImageMemoryRequirements")(device, external_.image, &needs);
    VkMemoryAllocateInfo memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    memory.allocationSize = needs.size;
    while (!(needs.memoryTypeBits >> memory.memoryTypeIndex & 1)) ++memory.memoryTypeIndex;
    EXPECT_EQ(own.vk().vkAllocateMemory(device, &memory, nullptr, &memory_), VK_SUCCESS);
    EXPECT_EQ(own.load<PFN_vkBindImageMemory>("vkBindImageMemory")(device, external_.image, memory_, 0), VK_SUCCESS);
    constexpr VkImageUsageFlags kViewed = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT;
    if (!(usage & kViewed)) return;
    VkImageViewCreateInfo view{};
    view.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    view.image = external_.image;
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = format;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    EXPECT_EQ(own.load<PFN_vkCreateImageView>("vkCreateImageView")(device, &view, nullptr, &external_.view),
              VK_SUCCESS);
  }
  AppImage(const AppImage&) = delete;
  AppImage& operator=(const AppImage&) = delete;
  ~AppImage() {
    const VkDevice device = own_.handles().device;
    own_.load<PFN_vkDestroyImageView>("vkDestroyImageView")(device, external_.view, nullptr);
    own_.load<PFN_vkDestroyImage>("vkDestroyImage")(device, external_.image, nullptr);
    own_.vk().vkFreeMemory(device, memory_, nullptr);
  }

  ExternalImage external() const { return external_; }

  // All earlier work and writes before what follows at `stage`.
  void transition(VkCommandBuffer commands, VkImageLayout layout, VkPipelineStageFlags stage, VkAccessFlags access) {
    VkImageMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.dstAccessMask = access;
    barrier.oldLayout = layout_;
    barrier.newLayout = layout;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = external_.image;
    barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    own_.vk().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, stage, 0, 0, nullptr, 0, nullptr, 1,
                                   &barrier);
    layout_ = layout;
  }
  void transition(VkCommandBuffer commands, const ImageUse& use) {
    transition(commands, use.layout, use.stage, use.access);
  }

  // In a frame of their own; `bytes` as they lie in the image, rows without gaps.
  void upload(const Frame& frame, const Device& device, std::span<const uint8_t> bytes) {
    const Buffer buffer = Buffer::create(device, bytes.size(), BufferPurpose::upload, "pixels").value();
    EXPECT_TRUE(buffer.write(0, std::as_bytes(bytes)));
    const VkCommandBuffer commands = frame.begin();
    transition(commands, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_PIPELINE_STAGE_TRANSFER_BIT,
               VK_ACCESS_TRANSFER_WRITE_BIT);
    const VkBufferImageCopy region = whole();
    own_.vk().vkCmdCopyBufferToImage(commands, buffer.handle(), external_.image, layout_, 1, &region);
    frame.end(commands);
    frame.submit({commands});
  }
  std::vector<uint8_t> pixels(const Frame& frame, const Device& device) {
    std::vector<uint8_t> bytes(size_t{pixel_bytes_} * external_.extent.width * external_.extent.height);
    const Buffer buffer = Buffer::create(device, bytes.size(), BufferPurpose::readback, "pixels").value();
    const VkCommandBuffer commands = frame.begin();
    transition(commands, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_PIPELINE_STAGE_TRANSFER_BIT,
               VK_ACCESS_TRANSFER_READ_BIT);
    const VkBufferImageCopy region = whole();
    own_.vk().vkCmdCopyImageToBuffer(commands, external_.image, layout_, buffer.handle(), 1, &region);
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                            VK_ACCESS_HOST_READ_BIT};
    own_.vk().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                                   0, nullptr, 0, nullptr);
    frame.end(commands);
    frame.submit({commands});
    EXPECT_TRUE(buffer.read(0, std::as_writable_bytes(std::span(bytes))));
    return bytes;
  }

 private:
  VkBufferImageCopy whole() const {
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = {external_.extent.width, external_.extent.height, 1};
    return region;
  }

  const OwnDevice& own_;
  uint32_t pixel_bytes_;
  ExternalImage external_;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkImageLayout layout_ = VK_IMAGE_LAYOUT_UNDEFINED;
};

}  // namespace nibble::gpu

// Buffers and images with memory of their own.
#include <utility>

#include "app/vulkan_device.h"
#include "core/try.h"

namespace nibble::app {
namespace {

Result<VkDeviceMemory> allocate(const VulkanDevice& device, const VkMemoryRequirements& needs,
                                VkMemoryPropertyFlags properties) {
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = device.memory_type(needs.memoryTypeBits, properties);
  if (info.memoryTypeIndex == UINT32_MAX) return Error{Code::out_of_memory, "the device has no memory of that kind"};
  VkDeviceMemory memory = VK_NULL_HANDLE;
  NBL_CHECK(check(vkAllocateMemory(device.handle(), &info, nullptr, &memory), "vkAllocateMemory"));
  return memory;
}

}  // namespace

Result<GpuBuffer> GpuBuffer::create(const VulkanDevice& device, VkDeviceSize bytes, VkBufferUsageFlags usage,
                                    VkMemoryPropertyFlags properties) {
  GpuBuffer out;
  out.device_ = device.handle();
  out.bytes_ = bytes;
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = bytes;
  info.usage = usage;
  NBL_CHECK(check(vkCreateBuffer(out.device_, &info, nullptr, &out.buffer_), "vkCreateBuffer"));
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(out.device_, out.buffer_, &needs);
  NBL_TRY(out.memory_, allocate(device, needs, properties));
  NBL_CHECK(check(vkBindBufferMemory(out.device_, out.buffer_, out.memory_, 0), "vkBindBufferMemory"));
  if (properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    NBL_CHECK(check(vkMapMemory(out.device_, out.memory_, 0, VK_WHOLE_SIZE, 0, &out.mapped_), "vkMapMemory"));
  }
  return out;
}

GpuBuffer::~GpuBuffer() {
  if (!device_) return;
  vkDestroyBuffer(device_, buffer_, nullptr);
  vkFreeMemory(device_, memory_, nullptr);
}

void GpuBuffer::swap(GpuBuffer& other) {
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_, other.mapped_);
}

Result<GpuImage> GpuImage::create(const VulkanDevice& device, int width, int height, VkFormat format,
                                  VkImageUsageFlags usage) {
  VkImageFormatProperties limits;
  NBL_CHECK(check(vkGetPhysicalDeviceImageFormatProperties(device.physical(), format, VK_IMAGE_TYPE_2D,
                                                           VK_IMAGE_TILING_OPTIMAL, usage, 0, &limits),
                  "the device has no images of this format and use"));
  if (width < 1 || height < 1 || static_cast<uint32_t>(width) > limits.maxExtent.width ||
      static_cast<uint32_t>(height) > limits.maxExtent.height) {
    return Error{Code::unsupported_device, "an image of " + std::to_string(width) + " x " + std::to_string(height) +
                                               " is larger than the device's " +
                                               std::to_string(limits.maxExtent.width) + " x " +
                                               std::to_string(limits.maxExtent.height)};
  }
  GpuImage out;
  out.device_ = device.handle();
  out.width_ = width;
  out.height_ = height;
  out.format_ = format;
  VkImageCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = format;
  info.extent = {static_cast<uint32_t>(width), static_cast<uint32_t>(height), 1};
  info.mipLevels = 1;
  info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.tiling = VK_IMAGE_TILING_OPTIMAL;
  info.usage = usage;
  NBL_CHECK(check(vkCreateImage(out.device_, &info, nullptr, &out.image_), "vkCreateImage"));
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(out.device_, out.image_, &needs);
  NBL_TRY(out.memory_, allocate(device, needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT));
  NBL_CHECK(check(vkBindImageMemory(out.device_, out.image_, out.memory_, 0), "vkBindImageMemory"));
  VkImageViewCreateInfo view{};
  view.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
  view.image = out.image_;
  view.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view.format = format;
  const bool depth = format == VK_FORMAT_D32_SFLOAT || format == VK_FORMAT_D16_UNORM;
  view.subresourceRange = {
      static_cast<VkImageAspectFlags>(depth ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT), 0, 1, 0, 1};
  NBL_CHECK(check(vkCreateImageView(out.device_, &view, nullptr, &out.view_), "vkCreateImageView"));
  return out;
}

GpuImage::~GpuImage() {
  if (!device_) return;
  vkDestroyImageView(device_, view_, nullptr);
  vkDestroyImage(device_, image_, nullptr);
  vkFreeMemory(device_, memory_, nullptr);
}

void GpuImage::swap(GpuImage& other) {
  std::swap(device_, other.device_);
  std::swap(image_, other.image_);
  std::swap(memory_, other.memory_);
  std::swap(view_, other.view_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
  std::swap(format_, other.format_);
}

void change_layout(VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to) {
  VkImageMemoryBarrier barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
  barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  barrier.oldLayout = from;
  barrier.newLayout = to;
  barrier.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image;
  barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, nullptr,
                       0, nullptr, 1, &barrier);
}

}  // namespace nibble::app

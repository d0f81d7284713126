#include "app/readback.h"

#include <cstring>

#include "core/try.h"

namespace nibble::app {

Result<media::Image> read_back(VulkanDevice& device, const GpuImage& image, VkImageLayout layout) {
  const auto pixels = static_cast<size_t>(image.width()) * static_cast<size_t>(image.height());
  if (pixels == 0) return Error{Code::invalid_argument, "nothing has been drawn yet"};
  NBL_TRY(const GpuBuffer buffer,
          GpuBuffer::create(device, 4 * pixels, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT));
  constexpr VkImageLayout kSource = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  NBL_CHECK(device.run_now([&](VkCommandBuffer commands) {
    if (layout != kSource) change_layout(commands, image.handle(), layout, kSource);
    VkBufferImageCopy copy{};
    copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    copy.imageExtent = {static_cast<uint32_t>(image.width()), static_cast<uint32_t>(image.height()), 1};
    vkCmdCopyImageToBuffer(commands, image.handle(), kSource, buffer.handle(), 1, &copy);
    const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                                  VK_ACCESS_HOST_READ_BIT};
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                         nullptr, 0, nullptr);
    if (layout != kSource) change_layout(commands, image.handle(), kSource, layout);
  }));
  media::Image out = media::make_image(image.width(), image.height(), 3);
  const auto* from = static_cast<const uint8_t*>(buffer.mapped());
  for (size_t i = 0; i < pixels; ++i) std::memcpy(out.pixels.data() + 3 * i, from + 4 * i, 3);
  return out;
}

}  // namespace nibble::app

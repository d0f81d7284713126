// From an image on the device to one in memory.
#pragma once

#include "app/vulkan_device.h"
#include "media/image.h"

namespace nibble::app {

// An RGBA8 image with TRANSFER_SRC usage as RGB; it is in `layout` and stays so. Not while a frame is in flight.
Result<media::Image> read_back(VulkanDevice& device, const GpuImage& image, VkImageLayout layout);

}  // namespace nibble::app

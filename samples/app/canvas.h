// What a frame is drawn into, whether there is a window or not: an RGBA8 image that can be presented and read back.
#pragma once

#include "app/vulkan_device.h"
#include "media/image.h"

namespace nibble::app {

class Canvas {
 public:
  static Result<Canvas> create(VulkanDevice& device);
  Canvas() = default;
  Canvas(Canvas&& other) noexcept { swap(other); }
  Canvas& operator=(Canvas&& other) noexcept { return swap(other), *this; }
  ~Canvas();

  // Waits for the device and makes the image again where the size is another.
  Status resize(int width, int height);

  // The image is cleared by begin() and ready to be copied from behind end().
  void begin(VkCommandBuffer commands) const;
  void end(VkCommandBuffer commands) const;

  // Outside a frame: what the last one drew, as RGB.
  Result<media::Image> read() const;

  VkRenderPass pass() const { return pass_; }
  VkImage image() const { return image_.handle(); }
  int width() const { return image_.width(); }
  int height() const { return image_.height(); }

 private:
  void swap(Canvas& other);

  VulkanDevice* device_ = nullptr;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  GpuImage image_;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
};

}  // namespace nibble::app

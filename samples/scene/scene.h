// A small scene that is drawn without any file: towers on a chequered ground, a ring of cubes that turns, a camera that
// goes round.
#pragma once

#include <memory>

#include "app/vulkan_device.h"
#include "media/image.h"

namespace nibble::scene {

class Scene {
 public:
  // Into an RGBA8 image of that size, which can be sampled, copied from, and read by a network.
  static Result<std::unique_ptr<Scene>> create(app::VulkanDevice& device, int width, int height);
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  // The same time draws the same picture. Outside a render pass; the image is then in SHADER_READ_ONLY_OPTIMAL, visible
  // to fragment and compute shaders.
  void record(VkCommandBuffer commands, double seconds);

  // Draws that moment outside a frame, and brings it into memory.
  Result<media::Image> picture(double seconds);

  const app::GpuImage& image() const { return color_; }
  static constexpr VkImageUsageFlags kUsage =
      VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;

 private:
  explicit Scene(app::VulkanDevice& device) : device_(device) {}
  Status create_pass(int width, int height);
  Status create_pipeline();
  void place_cubes(double seconds);

  app::VulkanDevice& device_;
  app::GpuImage color_, depth_;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  app::GpuBuffer cubes_;
};

}  // namespace nibble::scene

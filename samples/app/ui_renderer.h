// Draws Dear ImGui's lists with Vulkan, and holds the textures that they show. (The backend that comes with ImGui 1.86
// knows one texture only, its font.)
#pragma once

#include <imgui.h>

#include <memory>

#include "app/vulkan_device.h"
#include "media/image.h"

namespace nibble::app {

class UiRenderer;

// A picture on the device that ImGui::Image() and draw lists can show. Goes before its renderer does; not while a frame
// that shows it is in flight.
class Texture {
 public:
  Texture() = default;
  Texture(Texture&& other) noexcept { swap(other); }
  Texture& operator=(Texture&& other) noexcept { return swap(other), *this; }
  ~Texture();

  ImTextureID id() const { return set_; }
  int width() const { return width_; }
  int height() const { return height_; }
  explicit operator bool() const { return set_ != VK_NULL_HANDLE; }

 private:
  friend class UiRenderer;
  void swap(Texture& other);

  UiRenderer* renderer_ = nullptr;
  GpuImage image_;  // empty where the texture shows an image of someone else
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  int width_ = 0, height_ = 0;
};

class UiRenderer {
 public:
  // For the current ImGui context, whose font atlas becomes a texture, inside `pass`.
  static Result<std::unique_ptr<UiRenderer>> create(VulkanDevice& device, VkRenderPass pass);
  ~UiRenderer();
  UiRenderer(const UiRenderer&) = delete;
  UiRenderer& operator=(const UiRenderer&) = delete;

  // Gray or RGB. `smooth`: filtered when scaled, else by nearest pixel.
  Result<Texture> make_texture(const media::Image& picture, bool smooth = true);
  // Shows an image that stays its owner's, in the layout SHADER_READ_ONLY_OPTIMAL while a frame is drawn.
  Result<Texture> show_image(const GpuImage& image, bool smooth = true);

  // Inside the render pass.
  Status draw(VkCommandBuffer commands, const ImDrawData& data);

 private:
  friend class Texture;
  explicit UiRenderer(VulkanDevice& device) : device_(device) {}
  Status create_layouts();
  Status create_pipeline(VkRenderPass pass);
  Result<Texture> make_texture(const uint8_t* rgba, int width, int height, bool smooth);
  Result<VkDescriptorSet> make_set(VkImageView view, bool smooth);
  Status upload(const ImDrawData& data);

  VulkanDevice& device_;
  VkSampler smooth_ = VK_NULL_HANDLE, nearest_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  GpuBuffer vertices_, indices_;
  Texture font_;
};

}  // namespace nibble::app

// Graphics pipelines of the viewers: triangles, one vertex buffer, one subpass, viewport and scissor set while drawing.
#pragma once

#include <span>

#include "app/vulkan_device.h"

namespace nibble::app {

struct VertexAttribute {
  VkFormat format = VK_FORMAT_UNDEFINED;
  uint32_t offset = 0;
};

struct GraphicsPipeline {
  std::span<const uint32_t> vertex, fragment;   // SPIR-V
  std::span<const VertexAttribute> attributes;  // locations from 0 on
  uint32_t stride = 0;
  bool per_instance = false;
  bool depth = false;
  bool blend = false;  // over what is there, by alpha
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkRenderPass pass = VK_NULL_HANDLE;
};

Result<VkPipeline> make_graphics_pipeline(const VulkanDevice& device, const GraphicsPipeline& wanted);

}  // namespace nibble::app

#include "app/ui_renderer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "app/graphics_pipeline.h"
#include "core/try.h"
#include "ui.frag.h"
#include "ui.vert.h"

namespace nibble::app {
namespace {

constexpr uint32_t kMostTextures = 256;
constexpr VkMemoryPropertyFlags kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

Result<VkSampler> make_sampler(VkDevice device, VkFilter filter) {
  VkSamplerCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO;
  info.magFilter = filter;
  info.minFilter = filter;
  info.addressModeU = info.addressModeV = info.addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
  VkSampler sampler = VK_NULL_HANDLE;
  NBL_CHECK(check(vkCreateSampler(device, &info, nullptr, &sampler), "vkCreateSampler"));
  return sampler;
}

// Grows by half at least, so that few frames make a new one.
Status reserve(const VulkanDevice& device, GpuBuffer& buffer, size_t bytes, VkBufferUsageFlags usage) {
  if (bytes <= buffer.bytes()) return {};
  NBL_TRY(buffer, GpuBuffer::create(device, std::max<VkDeviceSize>(bytes, buffer.bytes() * 3 / 2), usage, kHost));
  return {};
}

}  // namespace

Texture::~Texture() {
  if (set_) vkFreeDescriptorSets(renderer_->device_.handle(), renderer_->pool_, 1, &set_);
}

void Texture::swap(Texture& other) {
  std::swap(renderer_, other.renderer_);
  std::swap(image_, other.image_);
  std::swap(set_, other.set_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
}

Result<std::unique_ptr<UiRenderer>> UiRenderer::create(VulkanDevice& device, VkRenderPass pass) {
  std::unique_ptr<UiRenderer> out(new UiRenderer(device));
  NBL_CHECK(out->create_layouts());
  NBL_CHECK(out->create_pipeline(pass));
  unsigned char* pixels = nullptr;
  int width = 0, height = 0;
  ImFontAtlas& fonts = *ImGui::GetIO().Fonts;
  fonts.GetTexDataAsRGBA32(&pixels, &width, &height);
  NBL_TRY(out->font_, out->make_texture(pixels, width, height, true));
  fonts.SetTexID(out->font_.id());
  return out;
}

Status UiRenderer::create_layouts() {
  const VkDevice device = device_.handle();
  NBL_TRY(smooth_, make_sampler(device, VK_FILTER_LINEAR));
  NBL_TRY(nearest_, make_sampler(device, VK_FILTER_NEAREST));
  const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1,
                                             VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo sets{};
  sets.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  sets.bindingCount = 1;
  sets.pBindings = &binding;
  NBL_CHECK(check(vkCreateDescriptorSetLayout(device, &sets, nullptr, &set_layout_), "vkCreateDescriptorSetLayout"));
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT, 0, 4 * sizeof(float)};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &set_layout_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  NBL_CHECK(check(vkCreatePipelineLayout(device, &layout, nullptr, &layout_), "vkCreatePipelineLayout"));
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, kMostTextures};
  VkDescriptorPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  pool.maxSets = kMostTextures;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  return check(vkCreateDescriptorPool(device, &pool, nullptr, &pool_), "vkCreateDescriptorPool");
}

Status UiRenderer::create_pipeline(VkRenderPass pass) {
  const VertexAttribute attributes[] = {{VK_FORMAT_R32G32_SFLOAT, offsetof(ImDrawVert, pos)},
                                        {VK_FORMAT_R32G32_SFLOAT, offsetof(ImDrawVert, uv)},
                                        {VK_FORMAT_R8G8B8A8_UNORM, offsetof(ImDrawVert, col)}};
  NBL_TRY(pipeline_, make_graphics_pipeline(device_, {.vertex = kUiVert,
                                                      .fragment = kUiFrag,
                                                      .attributes = attributes,
                                                      .stride = sizeof(ImDrawVert),
                                                      .blend = true,
                                                      .layout = layout_,
                                                      .pass = pass}));
  return {};
}

UiRenderer::~UiRenderer() {
  const VkDevice device = device_.handle();
  device_.wait_idle();
  font_ = {};
  vkDestroyPipeline(device, pipeline_, nullptr);
  vkDestroyDescriptorPool(device, pool_, nullptr);
  vkDestroyPipelineLayout(device, layout_, nullptr);
  vkDestroyDescriptorSetLayout(device, set_layout_, nullptr);
  vkDestroySampler(device, smooth_, nullptr);
  vkDestroySampler(device, nearest_, nullptr);
}

Result<VkDescriptorSet> UiRenderer::make_set(VkImageView view, bool smooth) {
  VkDescriptorSetAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorPool = pool_;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &set_layout_;
  VkDescriptorSet set = VK_NULL_HANDLE;
  NBL_CHECK(check(vkAllocateDescriptorSets(device_.handle(), &info, &set), "vkAllocateDescriptorSets"));
  const VkDescriptorImageInfo image{smooth ? smooth_ : nearest_, view, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
  VkWriteDescriptorSet write{};
  write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
  write.dstSet = set;
  write.descriptorCount = 1;
  write.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
  write.pImageInfo = &image;
  vkUpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
  return set;
}

Result<Texture> UiRenderer::show_image(const GpuImage& image, bool smooth) {
  Texture out;
  out.renderer_ = this;
  out.width_ = image.width();
  out.height_ = image.height();
  NBL_TRY(out.set_, make_set(image.view(), smooth));
  return out;
}

Result<Texture> UiRenderer::make_texture(const media::Image& picture, bool smooth) {
  const size_t pixels = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  const auto channels = static_cast<size_t>(picture.channels);
  std::vector<uint8_t> rgba(4 * pixels, 255);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) rgba[4 * i + c] = picture.pixels[channels * i + std::min(c, channels - 1)];
  }
  return make_texture(rgba.data(), picture.width, picture.height, smooth);
}

Result<Texture> UiRenderer::make_texture(const uint8_t* rgba, int width, int height, bool smooth) {
  Texture out;
  NBL_TRY(GpuImage image, GpuImage::create(device_, width, height, VK_FORMAT_R8G8B8A8_UNORM,
                                           VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT));
  const size_t bytes = 4 * static_cast<size_t>(width) * static_cast<size_t>(height);
  NBL_TRY(const GpuBuffer staging, GpuBuffer::create(device_, bytes, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, kHost));
  std::memcpy(staging.mapped(), rgba, bytes);
  NBL_CHECK(device_.run_now([&](VkCommandBuffer commands) {
    change_layout(commands, image.handle(), VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    VkBufferImageCopy copy{};
    copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    copy.imageExtent = {static_cast<uint32_t>(width), static_cast<uint32_t>(height), 1};
    vkCmdCopyBufferToImage(commands, staging.handle(), image.handle(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
    change_layout(commands, image.handle(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                  VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  }));
  NBL_TRY(out, show_image(image, smooth));
  out.image_ = std::move(image);
  return out;
}

Status UiRenderer::upload(const ImDrawData& data) {
  const auto vertices = static_cast<size_t>(data.TotalVtxCount), indices = static_cast<size_t>(data.TotalIdxCount);
  NBL_CHECK(reserve(device_, vertices_, vertices * sizeof(ImDrawVert), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT));
  NBL_CHECK(reserve(device_, indices_, indices * sizeof(ImDrawIdx), VK_BUFFER_USAGE_INDEX_BUFFER_BIT));
  auto* vertex = static_cast<ImDrawVert*>(vertices_.mapped());
  auto* index = static_cast<ImDrawIdx*>(indices_.mapped());
  for (int n = 0; n < data.CmdListsCount; ++n) {
    const ImDrawList& list = *data.CmdLists[n];
    vertex = std::copy(list.VtxBuffer.begin(), list.VtxBuffer.end(), vertex);
    index = std::copy(list.IdxBuffer.begin(), list.IdxBuffer.end(), index);
  }
  return {};
}

Status UiRenderer::draw(VkCommandBuffer commands, const ImDrawData& data) {
  if (data.TotalVtxCount == 0 || data.DisplaySize.x <= 0 || data.DisplaySize.y <= 0) return {};
  NBL_CHECK(upload(data));
  const ImVec2 size = data.DisplaySize;
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
  const VkBuffer vertices = vertices_.handle();
  const VkDeviceSize zero = 0;
  vkCmdBindVertexBuffers(commands, 0, 1, &vertices, &zero);
  vkCmdBindIndexBuffer(commands, indices_.handle(), 0,
                       sizeof(ImDrawIdx) == 2 ? VK_INDEX_TYPE_UINT16 : VK_INDEX_TYPE_UINT32);
  const VkViewport viewport{0, 0, size.x, size.y, 0, 1};
  vkCmdSetViewport(commands, 0, 1, &viewport);
  const float push[4] = {2 / size.x, 2 / size.y, -1 - data.DisplayPos.x * 2 / size.x,
                         -1 - data.DisplayPos.y * 2 / size.y};
  vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(push), push);
  int first_vertex = 0;
  uint32_t first_index = 0;
  for (int n = 0; n < data.CmdListsCount; ++n) {
    const ImDrawList& list = *data.CmdLists[n];
    for (const ImDrawCmd& command : list.CmdBuffer) {
      const float x1 = std::max(command.ClipRect.x - data.DisplayPos.x, 0.0f);
      const float y1 = std::max(command.ClipRect.y - data.DisplayPos.y, 0.0f);
      const float x2 = std::min(command.ClipRect.z - data.DisplayPos.x, size.x);
      const float y2 = std::min(command.ClipRect.w - data.DisplayPos.y, size.y);
      if (x2 <= x1 || y2 <= y1) continue;
      const VkRect2D scissor{{static_cast<int32_t>(x1), static_cast<int32_t>(y1)},
                             {static_cast<uint32_t>(x2 - x1), static_cast<uint32_t>(y2 - y1)}};
      vkCmdSetScissor(commands, 0, 1, &scissor);
      const auto set = static_cast<VkDescriptorSet>(command.GetTexID());
      vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &set, 0, nullptr);
      vkCmdDrawIndexed(commands, command.ElemCount, 1, first_index + command.IdxOffset,
                       first_vertex + static_cast<int>(command.VtxOffset), 0);
    }
    first_vertex += list.VtxBuffer.Size;
    first_index += static_cast<uint32_t>(list.IdxBuffer.Size);
  }
  return {};
}

}  // namespace nibble::app

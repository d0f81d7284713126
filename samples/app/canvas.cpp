#include "app/canvas.h"

#include <utility>

#include "app/readback.h"
#include "core/try.h"

namespace nibble::app {
namespace {

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;

}  // namespace

Result<Canvas> Canvas::create(VulkanDevice& device) {
  Canvas out;
  out.device_ = &device;
  VkAttachmentDescription color{};
  color.format = kFormat;
  color.samples = VK_SAMPLE_COUNT_1_BIT;
  color.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  color.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  color.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  color.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  const VkSubpassDependency dependencies[] = {
      {VK_SUBPASS_EXTERNAL, 0, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
       VK_ACCESS_TRANSFER_READ_BIT, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, 0},
      {0, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT,
       VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT, 0}};
  VkRenderPassCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
  info.attachmentCount = 1;
  info.pAttachments = &color;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.dependencyCount = 2;
  info.pDependencies = dependencies;
  NBL_CHECK(check(vkCreateRenderPass(device.handle(), &info, nullptr, &out.pass_), "vkCreateRenderPass"));
  return out;
}

Canvas::~Canvas() {
  if (!device_) return;
  vkDestroyFramebuffer(device_->handle(), framebuffer_, nullptr);
  vkDestroyRenderPass(device_->handle(), pass_, nullptr);
}

Status Canvas::resize(int width, int height) {
  if (width == this->width() && height == this->height()) return {};
  NBL_CHECK(check(device_->wait_idle(), "vkDeviceWaitIdle"));
  NBL_TRY(GpuImage image, GpuImage::create(*device_, width, height, kFormat,
                                           VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT));
  const VkImageView view = image.view();
  VkFramebufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
  info.renderPass = pass_;
  info.attachmentCount = 1;
  info.pAttachments = &view;
  info.width = static_cast<uint32_t>(width);
  info.height = static_cast<uint32_t>(height);
  info.layers = 1;
  VkFramebuffer framebuffer = VK_NULL_HANDLE;
  NBL_CHECK(check(vkCreateFramebuffer(device_->handle(), &info, nullptr, &framebuffer), "vkCreateFramebuffer"));
  vkDestroyFramebuffer(device_->handle(), framebuffer_, nullptr);
  framebuffer_ = framebuffer;
  image_ = std::move(image);
  return {};
}

void Canvas::begin(VkCommandBuffer commands) const {
  VkClearValue clear{};
  clear.color = {{0.09f, 0.10f, 0.12f, 1.0f}};
  VkRenderPassBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
  info.renderPass = pass_;
  info.framebuffer = framebuffer_;
  info.renderArea.extent = {static_cast<uint32_t>(width()), static_cast<uint32_t>(height())};
  info.clearValueCount = 1;
  info.pClearValues = &clear;
  vkCmdBeginRenderPass(commands, &info, VK_SUBPASS_CONTENTS_INLINE);
}

void Canvas::end(VkCommandBuffer commands) const { vkCmdEndRenderPass(commands); }

Result<media::Image> Canvas::read() const { return read_back(*device_, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL); }

void Canvas::swap(Canvas& other) {
  std::swap(device_, other.device_);
  std::swap(pass_, other.pass_);
  std::swap(image_, other.image_);
  std::swap(framebuffer_, other.framebuffer_);
}

}  // namespace nibble::app

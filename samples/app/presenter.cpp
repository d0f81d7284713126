#include "app/presenter.h"

#include <algorithm>

#include "core/try.h"

namespace nibble::app {
namespace {

Result<VkSemaphore> make_semaphore(VkDevice device) {
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  VkSemaphore semaphore = VK_NULL_HANDLE;
  NBL_CHECK(check(vkCreateSemaphore(device, &info, nullptr, &semaphore), "vkCreateSemaphore"));
  return semaphore;
}

// An 8-bit format that is stored as it is: the canvas holds values as they are to be shown.
Result<VkSurfaceFormatKHR> choose_format(VkPhysicalDevice physical, VkSurfaceKHR surface) {
  uint32_t count = 0;
  NBL_CHECK(check(vkGetPhysicalDeviceSurfaceFormatsKHR(physical, surface, &count, nullptr), "surface formats"));
  std::vector<VkSurfaceFormatKHR> formats(count);
  NBL_CHECK(check(vkGetPhysicalDeviceSurfaceFormatsKHR(physical, surface, &count, formats.data()), "surface formats"));
  if (formats.empty()) return Error{Code::unsupported_device, "the window offers no pixel format"};
  for (VkFormat wanted : {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM}) {
    for (const VkSurfaceFormatKHR& format : formats) {
      if (format.format == wanted) return format;
    }
  }
  return formats[0];
}

}  // namespace

Presenter::~Presenter() {
  device_.wait_idle();
  destroy_semaphores();
  vkDestroySemaphore(device_.handle(), acquired_, nullptr);
  vkDestroySwapchainKHR(device_.handle(), swapchain_, nullptr);
}

void Presenter::destroy_semaphores() {
  for (VkSemaphore semaphore : drawn_) vkDestroySemaphore(device_.handle(), semaphore, nullptr);
  drawn_.clear();
}

Status Presenter::rebuild(int width, int height) {
  const VkDevice device = device_.handle();
  NBL_CHECK(check(device_.wait_idle(), "vkDeviceWaitIdle"));
  VkSurfaceCapabilitiesKHR limits;
  NBL_CHECK(check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(device_.physical(), device_.surface(), &limits),
                  "surface capabilities"));
  extent_ = limits.currentExtent;
  if (extent_.width == UINT32_MAX) {
    extent_.width = std::clamp(static_cast<uint32_t>(width), limits.minImageExtent.width, limits.maxImageExtent.width);
    extent_.height =
        std::clamp(static_cast<uint32_t>(height), limits.minImageExtent.height, limits.maxImageExtent.height);
  }
  if (extent_.width == 0 || extent_.height == 0) return {};
  if (!(limits.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_DST_BIT)) {
    return Error{Code::unsupported_device, "the window's images cannot be copied to"};
  }
  NBL_TRY(const VkSurfaceFormatKHR format, choose_format(device_.physical(), device_.surface()));
  VkSwapchainCreateInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
  info.surface = device_.surface();
  info.minImageCount = limits.minImageCount + 1;
  if (limits.maxImageCount > 0) info.minImageCount = std::min(info.minImageCount, limits.maxImageCount);
  info.imageFormat = format.format;
  info.imageColorSpace = format.colorSpace;
  info.imageExtent = extent_;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  info.preTransform = limits.currentTransform;
  info.compositeAlpha = limits.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                            ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                            : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
  info.presentMode = VK_PRESENT_MODE_FIFO_KHR;
  info.clipped = VK_TRUE;
  info.oldSwapchain = swapchain_;
  VkSwapchainKHR swapchain = VK_NULL_HANDLE;
  NBL_CHECK(check(vkCreateSwapchainKHR(device, &info, nullptr, &swapchain), "vkCreateSwapchainKHR"));
  vkDestroySwapchainKHR(device, swapchain_, nullptr);
  swapchain_ = swapchain;
  uint32_t count = 0;
  NBL_CHECK(check(vkGetSwapchainImagesKHR(device, swapchain_, &count, nullptr), "vkGetSwapchainImagesKHR"));
  images_.resize(count);
  NBL_CHECK(check(vkGetSwapchainImagesKHR(device, swapchain_, &count, images_.data()), "vkGetSwapchainImagesKHR"));
  destroy_semaphores();
  for (uint32_t i = 0; i < count; ++i) {
    NBL_TRY(const VkSemaphore semaphore, make_semaphore(device));
    drawn_.push_back(semaphore);
  }
  // An acquisition that failed may have left the old one signalled.
  vkDestroySemaphore(device, acquired_, nullptr);
  NBL_TRY(acquired_, make_semaphore(device));
  width_ = width;
  height_ = height;
  stale_ = false;
  ++rebuilt_;
  return {};
}

Result<bool> Presenter::acquire(int width, int height) {
  if (stale_ || width != width_ || height != height_) {
    NBL_CHECK(rebuild(width, height));
    if (stale_) return false;
  }
  const VkResult result =
      vkAcquireNextImageKHR(device_.handle(), swapchain_, 1'000'000'000, acquired_, VK_NULL_HANDLE, &index_);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) {
    stale_ = true;
    return false;
  }
  if (result == VK_TIMEOUT || result == VK_NOT_READY) return false;
  NBL_CHECK(check(result, "vkAcquireNextImageKHR"));
  return true;
}

void Presenter::record_copy(VkCommandBuffer commands, const Canvas& canvas) const {
  const VkImage image = images_[index_];
  change_layout(commands, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  // The window may have changed between the two sizes: then this frame is stretched, the next one fits.
  VkImageBlit blit{};
  blit.srcSubresource = blit.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  blit.srcOffsets[1] = {canvas.width(), canvas.height(), 1};
  blit.dstOffsets[1] = {static_cast<int32_t>(extent_.width), static_cast<int32_t>(extent_.height), 1};
  vkCmdBlitImage(commands, canvas.image(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, image,
                 VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_NEAREST);
  change_layout(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
}

Status Presenter::present() {
  VkPresentInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR;
  const VkSemaphore wait = drawn();
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &wait;
  info.swapchainCount = 1;
  info.pSwapchains = &swapchain_;
  info.pImageIndices = &index_;
  VkResult result = VK_SUCCESS;
  {
    const std::lock_guard lock(device_.queue_mutex());
    result = vkQueuePresentKHR(device_.queue(), &info);
  }
  if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR) {
    stale_ = true;
    return {};
  }
  return check(result, "vkQueuePresentKHR");
}

}  // namespace nibble::app

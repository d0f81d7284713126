// Brings the canvas into the window: a swapchain that follows the window's size.
#pragma once

#include "app/canvas.h"

namespace nibble::app {

class Presenter {
 public:
  explicit Presenter(VulkanDevice& device) : device_(device) {}
  ~Presenter();
  Presenter(const Presenter&) = delete;
  Presenter& operator=(const Presenter&) = delete;

  // Makes the swapchain again where the size is another or the last frame did not fit any more; then takes an image.
  // False where the window shows nothing now (it is minimised, or changed again): skip the frame.
  Result<bool> acquire(int width, int height);
  void record_copy(VkCommandBuffer commands, const Canvas& canvas) const;
  // Behind the submission that waits for acquired() and signals drawn().
  Status present();

  VkSemaphore acquired() const { return acquired_; }
  VkSemaphore drawn() const { return drawn_[index_]; }
  size_t rebuilt() const { return rebuilt_; }  // how many swapchains there were

 private:
  Status rebuild(int width, int height);
  void destroy_semaphores();

  VulkanDevice& device_;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  std::vector<VkImage> images_;
  std::vector<VkSemaphore> drawn_;  // one an image: presentation may still wait for it
  VkSemaphore acquired_ = VK_NULL_HANDLE;
  VkExtent2D extent_{};
  int width_ = 0, height_ = 0;
  uint32_t index_ = 0;
  bool stale_ = true;
  size_t rebuilt_ = 0;
};

}  // namespace nibble::app

// The application's own Vulkan: instance, device and one queue for graphics, compute and presentation, and nibble on
// the same device.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nibble/vulkan.h"

namespace nibble::app {

// "vkCreateImage for the canvas: VK_ERROR_OUT_OF_DEVICE_MEMORY" where `result` is no success.
Status check(VkResult result, const char* what);

struct VulkanOptions {
  std::string select;  // index or part of the name, as in DeviceOptions; empty: a GPU before a software driver
  bool validation = false;
  std::vector<const char*> instance_extensions;  // those of the window system; empty: nothing is presented
  // Makes the surface, for choosing a device that can present to it; null: none is needed.
  std::function<Result<VkSurfaceKHR>(VkInstance)> make_surface;
};

class VulkanDevice {
 public:
  // not_found: no device of that name. unsupported_device: none that draws, computes and presents.
  static Result<std::unique_ptr<VulkanDevice>> create(const VulkanOptions& options);
  ~VulkanDevice();
  VulkanDevice(const VulkanDevice&) = delete;
  VulkanDevice& operator=(const VulkanDevice&) = delete;

  VkInstance instance() const { return instance_; }
  VkPhysicalDevice physical() const { return physical_; }
  VkDevice handle() const { return device_; }
  // Whoever submits, presents or waits for the queue holds the lock: networks are made in threads of their own, and
  // nibble takes it too.
  VkQueue queue() const { return queue_; }
  std::mutex& queue_mutex() const { return queue_mutex_; }
  VkResult wait_idle() const;
  uint32_t queue_family() const { return family_; }
  VkSurfaceKHR surface() const { return surface_; }
  const std::string& name() const { return name_; }
  const std::string& notice() const { return notice_; }  // where another device than the chosen one was taken; or empty

  // nibble on this device, made once.
  Result<Device> wrap();

  // The type with all these properties, or UINT32_MAX.
  uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags properties) const;

  // Records and submits some work and waits for it: for uploads outside the frame. Any thread may call.
  Status run_now(const std::function<void(VkCommandBuffer)>& record);

  // Counts the messages of the validation layer, those on closing the device included.
  std::shared_ptr<const size_t> validation_messages() const { return messages_; }

 private:
  VulkanDevice() = default;
  Status open_instance(const VulkanOptions& options);
  Status choose_device(const VulkanOptions& options);
  Status open_device();
  // `commands` are the caller's to free when the fence has been signalled.
  Status submit_now(const std::function<void(VkCommandBuffer)>& record, VkFence fence, VkCommandBuffer& commands);

  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  mutable std::mutex queue_mutex_;  // of pool_ too
  uint32_t family_ = 0;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::string name_, notice_;
  std::vector<const char*> extensions_;
  VkPhysicalDeviceFeatures2 features_{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
  VkPhysicalDeviceVulkan11Features features11_{};
  VkPhysicalDeviceVulkan12Features features12_{};
  VkPhysicalDeviceVulkan13Features features13_{};
  std::shared_ptr<size_t> messages_ = std::make_shared<size_t>(0);
  std::unique_ptr<Device> wrapped_;
};

// A buffer and its memory, mapped where it is visible to the host.
class GpuBuffer {
 public:
  static Result<GpuBuffer> create(const VulkanDevice& device, VkDeviceSize bytes, VkBufferUsageFlags usage,
                                  VkMemoryPropertyFlags properties);
  GpuBuffer() = default;
  GpuBuffer(GpuBuffer&& other) noexcept { swap(other); }
  GpuBuffer& operator=(GpuBuffer&& other) noexcept { return swap(other), *this; }
  ~GpuBuffer();

  VkBuffer handle() const { return buffer_; }
  VkDeviceSize bytes() const { return bytes_; }
  void* mapped() const { return mapped_; }

 private:
  void swap(GpuBuffer& other);

  VkDevice device_ = VK_NULL_HANDLE;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkDeviceSize bytes_ = 0;
  void* mapped_ = nullptr;
};

// A 2-D image of one level in device memory, with a view of all of it.
class GpuImage {
 public:
  static Result<GpuImage> create(const VulkanDevice& device, int width, int height, VkFormat format,
                                 VkImageUsageFlags usage);
  GpuImage() = default;
  GpuImage(GpuImage&& other) noexcept { swap(other); }
  GpuImage& operator=(GpuImage&& other) noexcept { return swap(other), *this; }
  ~GpuImage();

  VkImage handle() const { return image_; }
  VkImageView view() const { return view_; }
  int width() const { return width_; }
  int height() const { return height_; }
  VkFormat format() const { return format_; }

 private:
  void swap(GpuImage& other);

  VkDevice device_ = VK_NULL_HANDLE;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
  int width_ = 0, height_ = 0;
  VkFormat format_ = VK_FORMAT_UNDEFINED;
};

// A layout change of a colour image with a full barrier between everything before and after it.
void change_layout(VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to);

}  // namespace nibble::app

// A network inside the frame: it reads the scene's image and writes another on the application's own device, in the
// application's own command buffer, a slice of it in each frame. Nothing goes through the CPU.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "app/vulkan_device.h"
#include "nibble/vulkan_image.h"

namespace nibble::game {

class FrameNetwork {
 public:
  // Takes long: call it in a thread of its own. The size of the pictures that the network takes; `wanted` where it
  // takes every size. Errors: files that cannot be read, and networks that make no picture of a picture; another
  // thread that sets `cancelled` ends it soon, with an error.
  static Result<std::unique_ptr<FrameNetwork>> open(app::VulkanDevice& device, const std::string& path,
                                                    VkExtent2D wanted, const std::atomic<bool>& cancelled);
  ~FrameNetwork();
  FrameNetwork(const FrameNetwork&) = delete;
  FrameNetwork& operator=(const FrameNetwork&) = delete;

  VkExtent2D input_size() const { return input_size_; }
  const app::GpuImage& output() const { return output_; }
  const MemoryUse& memory() const { return memory_; }

  // `scene` of input_size() stays the caller's and outlives this; usage as it was made with.
  Status bind(const app::GpuImage& scene, VkImageUsageFlags usage);

  // As many steps of the network as fit into the budget: the first slice of a run reads the scene, the last writes the
  // output. The scene's image is in SHADER_READ_ONLY_OPTIMAL and visible to compute shaders; behind it so is the
  // output, visible to fragment shaders.
  Result<RunSlice> record(VkCommandBuffer commands, double budget_ms);

  // Of the last slice, when its frame has finished; 0 where there are no timestamps.
  double measured_ms() const;
  SliceStatistics statistics() const { return session_.slice_statistics(); }

 private:
  FrameNetwork(app::VulkanDevice& device, Session session) : device_(device), session_(std::move(session)) {}
  Status create_timestamps();

  app::VulkanDevice& device_;
  Session session_;
  ImagePreprocessing preprocessing_;
  ImagePostprocessing postprocessing_;
  ImageUse input_use_, output_use_;
  VkExtent2D input_size_{};
  app::GpuImage output_;
  MemoryUse memory_;
  VkQueryPool queries_ = VK_NULL_HANDLE;
  double ns_per_tick_ = 0;
  bool recorded_ = false;
};

}  // namespace nibble::game

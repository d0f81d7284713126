// Descriptor sets of a pipeline that has an image beside its buffers, written anew for each recording: a handle that an
// application destroyed may come back for another image, so none is recognized by it.
// Ownership: owns the pool and with it the sets. Move-only. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpu/buffer.h"
#include "gpu/device_state.h"
#include "gpu/pipeline.h"

namespace nibble::gpu {

class ImageSets {
 public:
  // `count` sets, which the caller knows by their index.
  static Result<ImageSets> create(const Device& device, const Pipeline& pipeline, uint32_t count);

  ImageSets() = default;
  ImageSets(ImageSets&& other) noexcept { *this = std::move(other); }
  ImageSets& operator=(ImageSets&& other) noexcept;
  ~ImageSets();

  // Writes a set, which ends the life of every recording that uses it.
  VkDescriptorSet write(uint32_t index, std::span<const BufferRange> buffers, VkImageView view, VkImageLayout layout);

 private:
  DeviceUse device_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  VkDescriptorType image_ = VK_DESCRIPTOR_TYPE_MAX_ENUM;
  std::vector<VkDescriptorSet> sets_;
};

}  // namespace nibble::gpu

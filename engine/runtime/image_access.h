// What an application says of an image against what the device can do with it.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "gpu/device.h"
#include "nibble/vulkan_image.h"

namespace nibble {

struct ImageAccess {
  ImageUse use;
  uint32_t format = 0;  // NBL_IMAGE_RGBA8, ...
  bool srgb = false;    // a sampler decodes what it reads
  bool half = false;
};

// How the image would be read, or written. The error names what the image is or lacks, and what would do.
Result<ImageAccess> image_access(const gpu::Device& device, const ExternalImage& image, bool written);

// Refuses an image that takes buffers larger than the device reaches. Sizes in bytes.
Status check_reach(const gpu::Device& device, std::initializer_list<uint64_t> buffers);

// The sizes of a tensor that is a picture: [C, H, W], [H, W, C], either with a first 1, and [H, W] where there is
// no channel.
struct PictureShape {
  int64_t height = 0, width = 0, channels = 1;
  bool channels_last = false;
};
// `channels_last`: as the application says; else by where the shape has 1, 3 or (where `four`) 4 channels, else first.
Result<PictureShape> picture_shape(const TensorInfo& info, const std::optional<bool>& channels_last, bool four);

}  // namespace nibble

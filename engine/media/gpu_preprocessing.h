// The preprocessing JSON for images that stay on the device.
#pragma once

#include "media/preprocess.h"
#include "nibble/vulkan_image.h"

namespace nibble::media {

// What nibble::bind_image() takes, for an image of that size and an input of that shape (see apply()).
Result<ImagePreprocessing> gpu_preprocessing(const Preprocessing& preprocessing, int width, int height,
                                             std::span<const int64_t> shape);
// The same for an output picture. Of "ycbcr_y" only the luma: chroma does not come from the input.
ImagePostprocessing gpu_postprocessing(const Preprocessing& preprocessing);

}  // namespace nibble::media

// Scaling of pictures.
#pragma once

#include "media/image.h"

namespace nibble::media {

enum class Filter {
  bilinear,   // the four nearest pixels, whatever the scale: what OpenCV's INTER_LINEAR and TensorFlow's resize do
  bicubic,    // Keys' kernel with a = -0.5, widened when scaling down: bit for bit what PIL's BICUBIC gives
  antialias,  // triangle kernel, widened when scaling down: bit for bit what PIL's BILINEAR gives (torchvision's
              // default)
};

const char* to_string(Filter filter);

// Pixel centres lie at half-integers. Any number of channels; sizes from 1 on, at most kMaxPixels in the result.
Result<Image> resize(const Image& image, int width, int height, Filter filter);

}  // namespace nibble::media

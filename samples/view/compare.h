// Two pictures against each other.
#pragma once

#include "media/image.h"
#include "nibble/result.h"

namespace nibble::view {

// The size of `other` becomes that of `reference` by bicubic where they differ; the same for gray against RGB.
Result<media::Image> brought_to(const media::Image& other, const media::Image& reference);

// The largest difference of a pixel's channels times `gain`, as a colour from black over red and yellow to white.
Result<media::Image> heat_map(const media::Image& reference, const media::Image& other, float gain);

}  // namespace nibble::view

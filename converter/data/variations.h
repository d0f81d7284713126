// More samples out of few: parts of pictures, mirrored or not.
#pragma once

#include <cstdint>

#include "media/image.h"
#include "nibble/result.h"

namespace nibble {

// A part of the picture (70 to 100 % of either side, in proportion), scaled back to the picture's size, mirrored or
// not: both by `number`, the same for the same number.
Result<media::Image> vary(const media::Image& image, uint64_t number);

}  // namespace nibble

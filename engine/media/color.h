// Colour spaces of 8-bit pictures.
#pragma once

#include <array>
#include <cstdint>

#include "media/preprocess.h"

namespace nibble::media {

// ITU-R BT.601 luma, rounded as PIL's mode "L" does; also Y of full-range JPEG YCbCr.
uint8_t luma(uint8_t red, uint8_t green, uint8_t blue);

// A picture of 1 (gray) or 3 (red, green, blue) channels in the channels and order of `color`.
Image in_color(const Image& image, Color color);

// The luma `y` with the blue and red differences of another colour (JFIF 1.02), clamped to what RGB can show.
std::array<uint8_t, 3> with_luma(double y, const uint8_t* chroma_rgb);

}  // namespace nibble::media

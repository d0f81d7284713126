// The one EXIF value that changes how a picture is seen.
#pragma once

#include <cstdint>
#include <span>

namespace nibble::media {

// Tag 0x0112 of the first directory of a TIFF block (what follows "Exif\0\0"): 1 to 8; 1 (upright) where the block is
// damaged or has no such tag.
int exif_orientation(std::span<const uint8_t> tiff);

}  // namespace nibble::media

// What a picture's bytes say about themselves before they are decoded. All reads are bounds checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "nibble/result.h"

namespace nibble::media {

enum class PictureKind { jpeg, png, bmp, pnm };

struct PictureFacts {
  PictureKind kind = PictureKind::jpeg;
  int orientation = 1;  // EXIF tag 0x0112, 1 to 8
};

// Recognises the format by its first bytes and checks what the decoder does not: JPEG files must end with an
// end-of-image marker, may not have hundreds of scans, and four components need an Adobe marker; BMP and PNM files must
// be as long as their size demands. Other picture formats are refused by name.
Result<PictureFacts> inspect_picture(std::span<const uint8_t> bytes);

// Whether `pixels` can come out of a file of this kind and length at all: the decoder allocates by the declared size,
// so that a few bytes must not be able to ask for gigabytes.
bool plausible_size(PictureKind kind, uint64_t pixels, uint64_t file_bytes);

}  // namespace nibble::media

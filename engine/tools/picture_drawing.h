// Boxes and classes as colours.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "media/boxes.h"
#include "media/image.h"
#include "media/preprocess.h"

namespace nibble::tools {

// A colour a class; class 0 is black, as in the colour map of PASCAL VOC (M. Everingham et al., 2010), which this is.
std::array<uint8_t, 3> class_color(int label);

// Frames in the colours of their classes (from 1 on: black does not show), for RGB pictures.
void draw_boxes(media::Image& image, std::span<const media::Box> boxes);

// The class with the greatest score of each pixel of [1, C, H, W] or [1, H, W, C] as its colour. `layout` as the
// preprocessing says, else nchw.
Result<media::Image> class_picture(std::span<const float> values, std::span<const int64_t> shape,
                                   std::optional<media::Layout> layout);

}  // namespace nibble::tools

// The sizes that a picture takes on its way to the network, worked out before any pixel is touched.
#pragma once

#include "media/preprocess.h"

namespace nibble::media {

struct PreprocessPlan {
  Color color = Color::rgb;
  Layout layout = Layout::nchw;
  Filter filter = Filter::antialias;
  Size resized;                  // after the resize
  Size canvas;                   // resized, or with letterbox the box it lies in
  int paste_x = 0, paste_y = 0;  // where it lies there
  std::array<uint8_t, 3> fill{0, 0, 0};
  int crop_x = 0, crop_y = 0;
  Size cropped;  // the canvas where there is no crop
  Size final;    // cropped, or the network's size where there is no resize
};

int channels_of(Color color);

// The layout meant where the JSON has none: by where `shape` has 1 or 3 channels.
Layout deduce_layout(const std::optional<Layout>& layout, std::span<const int64_t> shape);

Result<PreprocessPlan> plan_preprocessing(const Preprocessing& preprocessing, int width, int height,
                                          std::span<const int64_t> shape);

}  // namespace nibble::media

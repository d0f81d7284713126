#include "tools/picture_drawing.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "media/metrics.h"

namespace nibble::tools {
namespace {

struct Rectangle {
  int x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // without x2 and y2
};

void fill(media::Image& image, const Rectangle& r, std::array<uint8_t, 3> color) {
  for (int y = std::max(r.y1, 0); y < std::min(r.y2, image.height); ++y) {
    for (int x = std::max(r.x1, 0); x < std::min(r.x2, image.width); ++x)
      std::copy(color.begin(), color.end(), image.at(x, y));
  }
}

}  // namespace

std::array<uint8_t, 3> class_color(int label) {
  std::array<uint8_t, 3> color{0, 0, 0};
  for (int bit = 7; bit >= 0 && label > 0; --bit, label >>= 3) {
    for (int c = 0; c < 3; ++c) color[static_cast<size_t>(c)] |= static_cast<uint8_t>(((label >> c) & 1) << bit);
  }
  return color;
}

void draw_boxes(media::Image& image, std::span<const media::Box> boxes) {
  if (image.channels != 3) return;
  const int line = std::max(1, std::min(image.width, image.height) / 200);
  // The best box last, on top of the others.
  for (size_t i = boxes.size(); i-- > 0;) {
    const media::Box& box = boxes[i];
    const auto limit = [](float value, int most) {
      return static_cast<int>(std::clamp(std::round(value), 0.0f, static_cast<float>(most)));
    };
    const int x1 = limit(box.x1, image.width), x2 = limit(box.x2, image.width);
    const int y1 = limit(box.y1, image.height), y2 = limit(box.y2, image.height);
    const auto color = class_color(box.label % 255 + 1);
    fill(image, {x1, y1, x2, y1 + line}, color);
    fill(image, {x1, y2 - line, x2, y2}, color);
    fill(image, {x1, y1, x1 + line, y2}, color);
    fill(image, {x2 - line, y1, x2, y2}, color);
  }
}

Result<media::Image> class_picture(std::span<const float> values, std::span<const int64_t> shape,
                                   std::optional<media::Layout> layout) {
  if (shape.size() != 4 || shape[0] != 1) {
    return Error{Code::invalid_argument, "classes of pixels have shape [1, C, H, W] or [1, H, W, C]"};
  }
  const media::Layout order = layout.value_or(media::Layout::nchw);
  const size_t rows = order == media::Layout::nchw ? 2 : 1;
  if (shape[rows] < 1 || shape[rows + 1] < 1 || shape[rows] > media::kMaxPixels / shape[rows + 1] ||
      shape[rows] * shape[rows + 1] < 2) {
    return Error{Code::invalid_argument, "the output has too many or too few pixels for a picture"};
  }
  NBL_TRY(const std::vector<int> mask, media::class_mask(values, shape, order, 0.5f));
  media::Image image = media::make_image(static_cast<int>(shape[rows + 1]), static_cast<int>(shape[rows]), 3);
  for (size_t i = 0; i < mask.size(); ++i) {
    const auto color = class_color(mask[i]);
    std::copy(color.begin(), color.end(), image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return image;
}

}  // namespace nibble::tools

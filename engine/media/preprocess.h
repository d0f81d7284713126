// From a picture to a network's input, and back from an output to a picture.
//
// The JSON keys, all optional:
//   resize        int: the short side gets this length, the long side in proportion (rounded down, as torchvision
//   does);
//                 [h, w]: stretched; or {"mode": "stretch" | "short" | "letterbox", "size": int or [h, w],
//                 "fill": 0..255 or [r, g, b] (default 0), "anchor": "center" | "topleft" (default center),
//                 "filter": "bilinear" | "bicubic" | "antialias" (default antialias)}. Without "size" it is the
//                 network's. Without any resize a picture of another size than the network's input is stretched to it,
//                 after the crop.
//   crop          int or [h, w]: the centre of the resized picture; a smaller picture is an error.
//   color         "rgb", "bgr", "gray" (ITU-R 601 luma) or "ycbcr_y" (luma of full-range JPEG YCbCr: the same values;
//   on
//                 the way back the input's chroma is added). Converted before resizing. Default: gray for a network
//                 with one input channel, otherwise rgb.
//   layout        "nchw" or "nhwc". Default: by where the shape has 1 or 3 channels, nchw first.
//   mean, std     a number or one per channel, in the order of "color": value = (pixel / 255 - mean) / std. Default 0
//   and 1.
//                 std = 1/255 (0.00392156862745098) therefore gives values of 0 to 255.
//   label_offset  int: the network's class index is the label plus this (1 where class 0 is background).
//   output        {"scale": s, "offset": o}: pixel = value * s + o for output pictures. Default 255 and 0.
// An unknown key, a wrong type or a value out of range is an error that names the key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "media/image.h"
#include "media/resample.h"
#include "nibble/result.h"

namespace nibble::media {

enum class Color { rgb, bgr, gray, ycbcr_y };
enum class Layout { nchw, nhwc };

const char* to_string(Color color);
const char* to_string(Layout layout);

struct Size {
  int height = 0;
  int width = 0;
  bool operator==(const Size&) const = default;
};

struct Resize {
  enum class Mode { stretch, short_side, letterbox };
  enum class Anchor { center, topleft };
  Mode mode = Mode::stretch;
  std::optional<Size> size;              // short_side: height == width == the length; none: that of the network's input
  std::array<uint8_t, 3> fill{0, 0, 0};  // red, green, blue of letterbox's border
  Anchor anchor = Anchor::center;
  Filter filter = Filter::antialias;
  bool operator==(const Resize&) const = default;
};

struct Preprocessing {
  std::optional<Resize> resize;
  std::optional<Size> crop;
  std::optional<Color> color;
  std::optional<Layout> layout;
  std::vector<double> mean;  // empty: 0
  std::vector<double> std;   // empty: 1
  int label_offset = 0;
  double output_scale = 255.0;
  double output_offset = 0.0;
  bool operator==(const Preprocessing&) const = default;
};

Result<Preprocessing> parse_preprocessing(std::string_view json);
Result<Preprocessing> read_preprocessing(const std::string& path);
std::string to_json(const Preprocessing& preprocessing);  // keys that differ from the default, one line

// `shape` is that of the network's input: [N, C, H, W], [N, H, W, C], the same without N, or [N, elements]; 0 or a
// negative number stands for a free size, which the picture then decides. What comes back is one sample in `layout`,
// without the N. Errors: a size, channel count or list length that does not fit, with both numbers.
Result<std::vector<float>> apply(const Preprocessing& preprocessing, const Image& image,
                                 std::span<const int64_t> shape);

// The same without normalisation: bytes 0..255, as uint8_t and as float.
Result<std::vector<uint8_t>> apply_u8(const Preprocessing& preprocessing, const Image& image,
                                      std::span<const int64_t> shape);
Result<std::vector<float>> apply_unnormalized(const Preprocessing& preprocessing, const Image& image,
                                              std::span<const int64_t> shape);

// The sample's picture before layout: interleaved, in the order of "color". Its size answers what a free shape becomes.
Result<Image> prepare(const Preprocessing& preprocessing, const Image& image, std::span<const int64_t> shape);

// Where a point of the network's input lies in the picture: source = (network - offset) / scale, in pixels, edges at
// whole numbers. For boxes that a detector finds.
struct PixelMap {
  double scale_x = 1.0, scale_y = 1.0;
  double offset_x = 0.0, offset_y = 0.0;
};
Result<PixelMap> pixel_map(const Preprocessing& preprocessing, const Image& image, std::span<const int64_t> shape);

// A network's output of 1 or 3 channels ([N, C, H, W], [N, H, W, C], without N, or [H, W]; the first sample) as a
// picture: pixel = value * output_scale + output_offset, rounded and clamped, NaN is 0. Three channels in "color" bgr
// are exchanged. One channel gives a gray picture, or with "color" ycbcr_y and an `input` (else nullptr) the input's
// chroma, prepared like the network's input of `input_shape` and scaled up by bicubic, under the network's luma.
Result<Image> to_image(const Preprocessing& preprocessing, std::span<const float> values,
                       std::span<const int64_t> shape, const Image* input, std::span<const int64_t> input_shape);

}  // namespace nibble::media

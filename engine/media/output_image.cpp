#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "media/color.h"
#include "media/preprocess.h"
#include "media/preprocess_plan.h"

namespace nibble::media {
namespace {

struct OutputShape {
  int height, width, channels;
  Layout layout;
};

Result<OutputShape> output_shape(const Preprocessing& preprocessing, std::span<const float> values,
                                 std::span<const int64_t> shape) {
  const Error unfit{Code::invalid_argument,
                    "the output is no picture: [N, C, H, W], [N, H, W, C] or [H, W] with 1 or 3 channels is needed"};
  const size_t rank = shape.size();
  if (rank < 2 || rank > 4) return unfit;
  for (const int64_t size : shape) {
    if (size < 1 || size > kMaxPixels) return unfit;
  }
  // A network may take one layout and give the other; the declared one counts where the channels allow it.
  const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
  Layout layout = deduce_layout(preprocessing.layout, shape);
  if (rank > 2 && !is_channels(layout == Layout::nchw ? shape[rank - 3] : shape[rank - 1])) {
    layout = deduce_layout(std::nullopt, shape);
  }
  int64_t h = shape[rank - 2], w = shape[rank - 1], c = 1;
  if (rank > 2 && layout == Layout::nchw) c = shape[rank - 3];
  if (rank > 2 && layout == Layout::nhwc) h = shape[rank - 3], w = shape[rank - 2], c = shape[rank - 1];
  if (!is_channels(c) || h > kMaxPixels / w) return unfit;
  if (values.size() < static_cast<size_t>(h * w * c)) {
    return Error{Code::invalid_argument, format("the output has %zu values, its shape demands %lld", values.size(),
                                                static_cast<long long>(h * w * c))};
  }
  return OutputShape{static_cast<int>(h), static_cast<int>(w), static_cast<int>(c), layout};
}

// 0 to 255, not rounded yet; NaN becomes 0.
double pixel_value(const Preprocessing& preprocessing, float value) {
  const double pixel = value * preprocessing.output_scale + preprocessing.output_offset;
  return pixel > 0.0 ? std::fmin(pixel, 255.0) : 0.0;
}

Result<Image> colored(const Preprocessing& preprocessing, std::span<const float> values, const OutputShape& shape,
                      const Image& input, std::span<const int64_t> input_shape) {
  // The luma preprocessing with the channels kept: same sizes, any channel count.
  Preprocessing in_rgb = preprocessing;
  in_rgb.color = Color::rgb;
  in_rgb.mean.clear();
  in_rgb.std.clear();
  std::vector<int64_t> any_channels(input_shape.begin(), input_shape.end());
  const Layout layout = deduce_layout(preprocessing.layout, input_shape);
  if (any_channels.size() > 2)
    any_channels[layout == Layout::nchw ? any_channels.size() - 3 : any_channels.size() - 1] = 0;
  in_rgb.layout = layout;
  NBL_TRY(const Image prepared, prepare(in_rgb, input, any_channels));
  NBL_TRY(Image out, resize(prepared, shape.width, shape.height, Filter::bicubic));
  for (size_t i = 0; i < out.pixels.size() / 3; ++i) {
    const auto rgb = with_luma(pixel_value(preprocessing, values[i]), out.pixels.data() + 3 * i);
    std::copy(rgb.begin(), rgb.end(), out.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return out;
}

}  // namespace

Result<Image> to_image(const Preprocessing& preprocessing, std::span<const float> values,
                       std::span<const int64_t> shape, const Image* input, std::span<const int64_t> input_shape) {
  NBL_TRY(const OutputShape found, output_shape(preprocessing, values, shape));
  const bool luma_only = found.channels == 1 && preprocessing.color == Color::ycbcr_y;
  if (luma_only && input && input->channels == 3) return colored(preprocessing, values, found, *input, input_shape);
  Image out = make_image(found.width, found.height, found.channels);
  const auto channels = static_cast<size_t>(found.channels);
  const size_t pixels = out.pixels.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    const size_t to = preprocessing.color == Color::bgr ? channels - 1 - c : c;
    for (size_t i = 0; i < pixels; ++i) {
      const float value = values[found.layout == Layout::nchw ? c * pixels + i : i * channels + c];
      out.pixels[i * channels + to] = static_cast<uint8_t>(pixel_value(preprocessing, value) + 0.5);
    }
  }
  return out;
}

}  // namespace nibble::media

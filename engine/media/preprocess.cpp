#include "media/preprocess.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "media/color.h"
#include "media/preprocess_plan.h"

namespace nibble::media {
namespace {

// The fill in the channels of the prepared picture.
std::array<uint8_t, 3> border(const PreprocessPlan& plan) {
  const auto [r, g, b] = plan.fill;
  if (plan.color == Color::rgb) return {r, g, b};
  if (plan.color == Color::bgr) return {b, g, r};
  const uint8_t y = luma(r, g, b);
  return {y, y, y};
}

Image pasted(const Image& image, const PreprocessPlan& plan) {
  Image canvas = make_image(plan.canvas.width, plan.canvas.height, image.channels);
  const auto fill = border(plan);
  for (size_t i = 0; i < canvas.pixels.size(); ++i) canvas.pixels[i] = fill[i % static_cast<size_t>(image.channels)];
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(image.at(0, y), static_cast<size_t>(image.width) * image.channels,
                canvas.at(plan.paste_x, plan.paste_y + y));
  }
  return canvas;
}

Image cut(const Image& image, const PreprocessPlan& plan) {
  Image out = make_image(plan.cropped.width, plan.cropped.height, image.channels);
  for (int y = 0; y < out.height; ++y) {
    std::copy_n(image.at(plan.crop_x, plan.crop_y + y), static_cast<size_t>(out.width) * image.channels, out.at(0, y));
  }
  return out;
}

Result<Image> prepare_by(const PreprocessPlan& plan, const Image& image) {
  NBL_TRY(Image out, resize(in_color(image, plan.color), plan.resized.width, plan.resized.height, plan.filter));
  if (plan.canvas != plan.resized) out = pasted(out, plan);
  if (plan.cropped != plan.canvas) out = cut(out, plan);
  return resize(out, plan.final.width, plan.final.height, plan.filter);
}

Status check_picture(const Image& image) {
  const bool sane = image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3) &&
                    image.pixels.size() == size_t{1} * image.width * image.height * image.channels;
  if (sane) return {};
  return Error{Code::invalid_argument, format("a picture of %d x %d with %d channels and %zu bytes cannot be prepared",
                                              image.width, image.height, image.channels, image.pixels.size())};
}

struct Prepared {
  Image image;
  Layout layout;
};

Result<Prepared> prepare_with_layout(const Preprocessing& preprocessing, const Image& image,
                                     std::span<const int64_t> shape) {
  NBL_CHECK(check_picture(image));
  NBL_TRY(const PreprocessPlan plan, plan_preprocessing(preprocessing, image.width, image.height, shape));
  NBL_TRY(Image out, prepare_by(plan, image));
  return Prepared{std::move(out), plan.layout};
}

// Goes through the picture in the order of the layout: out[i] = table[channel][pixel].
template <class T>
std::vector<T> arranged(const Prepared& prepared, const std::vector<std::array<T, 256>>& table) {
  const Image& image = prepared.image;
  const auto channels = static_cast<size_t>(image.channels);
  const size_t pixels = image.pixels.size() / channels;
  std::vector<T> out(image.pixels.size());
  for (size_t c = 0; c < channels; ++c) {
    const std::array<T, 256>& values = table[c];
    const uint8_t* from = image.pixels.data() + c;
    T* to = out.data() + (prepared.layout == Layout::nchw ? c * pixels : c);
    const size_t step = prepared.layout == Layout::nchw ? 1 : channels;
    for (size_t i = 0; i < pixels; ++i) to[i * step] = values[from[i * channels]];
  }
  return out;
}

template <class T>
std::vector<std::array<T, 256>> identity_table(int channels) {
  std::vector<std::array<T, 256>> table(static_cast<size_t>(channels));
  for (auto& values : table) {
    for (int pixel = 0; pixel < 256; ++pixel) values[static_cast<size_t>(pixel)] = static_cast<T>(pixel);
  }
  return table;
}

}  // namespace

Result<Image> prepare(const Preprocessing& preprocessing, const Image& image, std::span<const int64_t> shape) {
  NBL_TRY(Prepared prepared, prepare_with_layout(preprocessing, image, shape));
  return std::move(prepared.image);
}

Result<std::vector<float>> apply(const Preprocessing& preprocessing, const Image& image,
                                 std::span<const int64_t> shape) {
  NBL_TRY(const Prepared prepared, prepare_with_layout(preprocessing, image, shape));
  const auto value = [](const std::vector<double>& list, size_t channel, double missing) {
    return list.empty() ? missing : list[std::min(channel, list.size() - 1)];
  };
  std::vector<std::array<float, 256>> table(static_cast<size_t>(prepared.image.channels));
  for (size_t c = 0; c < table.size(); ++c) {
    const double mean = value(preprocessing.mean, c, 0.0), deviation = value(preprocessing.std, c, 1.0);
    for (size_t pixel = 0; pixel < 256; ++pixel) {
      table[c][pixel] = static_cast<float>((static_cast<double>(pixel) / 255.0 - mean) / deviation);
    }
  }
  return arranged(prepared, table);
}

Result<std::vector<uint8_t>> apply_u8(const Preprocessing& preprocessing, const Image& image,
                                      std::span<const int64_t> shape) {
  NBL_TRY(const Prepared prepared, prepare_with_layout(preprocessing, image, shape));
  return arranged(prepared, identity_table<uint8_t>(prepared.image.channels));
}

Result<std::vector<float>> apply_unnormalized(const Preprocessing& preprocessing, const Image& image,
                                              std::span<const int64_t> shape) {
  NBL_TRY(const Prepared prepared, prepare_with_layout(preprocessing, image, shape));
  return arranged(prepared, identity_table<float>(prepared.image.channels));
}

Result<PixelMap> pixel_map(const Preprocessing& preprocessing, const Image& image, std::span<const int64_t> shape) {
  NBL_CHECK(check_picture(image));
  NBL_TRY(const PreprocessPlan plan, plan_preprocessing(preprocessing, image.width, image.height, shape));
  const double last_x = static_cast<double>(plan.final.width) / plan.cropped.width;
  const double last_y = static_cast<double>(plan.final.height) / plan.cropped.height;
  PixelMap map;
  map.scale_x = static_cast<double>(plan.resized.width) / image.width * last_x;
  map.scale_y = static_cast<double>(plan.resized.height) / image.height * last_y;
  map.offset_x = (plan.paste_x - plan.crop_x) * last_x;
  map.offset_y = (plan.paste_y - plan.crop_y) * last_y;
  return map;
}

}  // namespace nibble::media

#include "media/preprocess_plan.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

std::string shape_text(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    out += i ? ", " : "";
    out += shape[i] > 0 ? format("%lld", static_cast<long long>(shape[i])) : std::string("free");
  }
  return out + "]";
}

// What the network's input takes; 0 stands for free.
struct Target {
  int64_t height = 0, width = 0, channels = 0;
  int64_t elements = 0;  // for inputs without rows and columns
};

Result<Target> target_of(Layout layout, std::span<const int64_t> shape) {
  const auto size = [&](size_t i) { return std::max<int64_t>(shape[i], 0); };
  if (shape.size() == 1 || shape.size() == 2) return Target{0, 0, 0, size(shape.size() - 1)};
  if (shape.size() != 3 && shape.size() != 4) {
    return Error{Code::invalid_argument,
                 format("the network's input has shape %s, a picture needs [N, C, H, W] or [N, H, W, C]",
                        shape_text(shape).c_str())};
  }
  const size_t first = shape.size() - 3;
  if (layout == Layout::nchw) return Target{size(first + 1), size(first + 2), size(first), 0};
  return Target{size(first), size(first + 1), size(first + 2), 0};
}

Result<Size> bounded(double height, double width) {
  if (!(height * width <= static_cast<double>(kMaxPixels))) {
    return Error{Code::invalid_argument,
                 format("'resize' asks for a picture of %.0f x %.0f, at most %lld pixels are made", width, height,
                        static_cast<long long>(kMaxPixels))};
  }
  return Size{std::max(static_cast<int>(height), 1), std::max(static_cast<int>(width), 1)};
}

Result<Size> wanted_size(const Resize& resize, const Target& target) {
  if (resize.size) return *resize.size;
  if (target.height == 0 || target.width == 0) {
    return Error{Code::invalid_argument, "'resize' has no 'size', and the network's input size is free"};
  }
  NBL_TRY(const Size size, bounded(static_cast<double>(target.height), static_cast<double>(target.width)));
  return size;
}

Status plan_resize(const Resize& resize, Size image, const Target& target, PreprocessPlan& plan) {
  NBL_TRY(const Size size, wanted_size(resize, target));
  plan.filter = resize.filter;
  plan.fill = resize.fill;
  if (resize.mode == Resize::Mode::stretch) {
    plan.resized = plan.canvas = size;
    return {};
  }
  const double h = image.height, w = image.width;
  if (resize.mode == Resize::Mode::short_side) {
    // The proportion in whole numbers, so that it is rounded down exactly.
    const int64_t side = std::min(size.height, size.width);
    const int64_t longer = side * std::max(image.height, image.width) / std::min(image.height, image.width);
    const auto height = static_cast<double>(h <= w ? side : longer),
               width = static_cast<double>(h <= w ? longer : side);
    NBL_TRY(plan.resized, bounded(height, width));
    plan.canvas = plan.resized;
    return {};
  }
  const bool width_decides = w * size.height >= h * size.width;
  plan.canvas = size;
  plan.resized = width_decides ? Size{static_cast<int>(std::floor(h * size.width / w + 0.5)), size.width}
                               : Size{size.height, static_cast<int>(std::floor(w * size.height / h + 0.5))};
  plan.resized = {std::clamp(plan.resized.height, 1, size.height), std::clamp(plan.resized.width, 1, size.width)};
  if (resize.anchor == Resize::Anchor::center) {
    plan.paste_x = (size.width - plan.resized.width) / 2;
    plan.paste_y = (size.height - plan.resized.height) / 2;
  }
  return {};
}

Status plan_crop(Size crop, PreprocessPlan& plan) {
  if (crop.height > plan.canvas.height || crop.width > plan.canvas.width) {
    return Error{Code::invalid_argument,
                 format("'crop' takes %d x %d out of a picture of %d x %d (width x height): it is too small",
                        crop.width, crop.height, plan.canvas.width, plan.canvas.height)};
  }
  // Halves are rounded to even: torchvision's CenterCrop does so.
  plan.crop_x = static_cast<int>(std::nearbyint((plan.canvas.width - crop.width) / 2.0));
  plan.crop_y = static_cast<int>(std::nearbyint((plan.canvas.height - crop.height) / 2.0));
  plan.cropped = crop;
  return {};
}

Status check_fit(const PreprocessPlan& plan, const Target& target, std::span<const int64_t> shape) {
  const int64_t channels = channels_of(plan.color);
  const int64_t elements = channels * plan.final.height * plan.final.width;
  const bool fits = (target.height == 0 || target.height == plan.final.height) &&
                    (target.width == 0 || target.width == plan.final.width) &&
                    (target.channels == 0 || target.channels == channels) &&
                    (target.elements == 0 || target.elements == elements);
  if (fits) return {};
  return Error{
      Code::invalid_argument,
      format("preprocessing gives a picture of %d x %d (width x height) with %d channels (color %s, layout %s), the "
             "network's input has shape %s",
             plan.final.width, plan.final.height, static_cast<int>(channels), to_string(plan.color),
             to_string(plan.layout), shape_text(shape).c_str())};
}

Status check_lists(const Preprocessing& preprocessing, Color color) {
  const auto channels = static_cast<size_t>(channels_of(color));
  const auto check = [&](const char* key, size_t count) -> Status {
    if (count <= 1 || count == channels) return {};
    return Error{Code::invalid_argument,
                 format("'%s' has %zu numbers, color %s has %zu channels", key, count, to_string(color), channels)};
  };
  NBL_CHECK(check("mean", preprocessing.mean.size()));
  return check("std", preprocessing.std.size());
}

}  // namespace

int channels_of(Color color) { return color == Color::rgb || color == Color::bgr ? 3 : 1; }

Layout deduce_layout(const std::optional<Layout>& layout, std::span<const int64_t> shape) {
  if (layout) return *layout;
  if (shape.size() != 3 && shape.size() != 4) return Layout::nchw;
  const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
  return !is_channels(shape[shape.size() - 3]) && is_channels(shape.back()) ? Layout::nhwc : Layout::nchw;
}

Result<PreprocessPlan> plan_preprocessing(const Preprocessing& preprocessing, int width, int height,
                                          std::span<const int64_t> shape) {
  PreprocessPlan plan;
  plan.layout = deduce_layout(preprocessing.layout, shape);
  NBL_TRY(const Target target, target_of(plan.layout, shape));
  const Color usual = target.channels == 1 ? Color::gray : Color::rgb;
  plan.color = preprocessing.color.value_or(usual);
  NBL_CHECK(check_lists(preprocessing, plan.color));
  plan.resized = plan.canvas = {height, width};
  if (preprocessing.resize) NBL_CHECK(plan_resize(*preprocessing.resize, {height, width}, target, plan));
  plan.cropped = plan.canvas;
  if (preprocessing.crop) NBL_CHECK(plan_crop(*preprocessing.crop, plan));
  plan.final = plan.cropped;
  if (!preprocessing.resize && target.height > 0 && target.width > 0) {
    NBL_TRY(plan.final, bounded(static_cast<double>(target.height), static_cast<double>(target.width)));
  }
  NBL_CHECK(check_fit(plan, target, shape));
  return plan;
}

}  // namespace nibble::media

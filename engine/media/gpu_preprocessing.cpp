#include "media/gpu_preprocessing.h"

#include <algorithm>

#include "core/try.h"
#include "media/preprocess_plan.h"

namespace nibble::media {
namespace {

ImageFilter filter_of(Filter filter) {
  if (filter == Filter::bilinear) return ImageFilter::bilinear;
  return filter == Filter::bicubic ? ImageFilter::bicubic : ImageFilter::antialias;
}

void copy_list(const std::vector<double>& list, std::array<double, 3>& out) {
  for (size_t c = 0; c < out.size() && !list.empty(); ++c) out[c] = list[std::min(c, list.size() - 1)];
}

}  // namespace

Result<ImagePreprocessing> gpu_preprocessing(const Preprocessing& preprocessing, int width, int height,
                                             std::span<const int64_t> shape) {
  NBL_TRY(const PreprocessPlan plan, plan_preprocessing(preprocessing, width, height, shape));
  ImagePreprocessing out;
  ImagePlacement& place = out.placement;
  if (plan.final == plan.cropped) {  // scaled, laid into the canvas, cut
    place.width = static_cast<uint32_t>(plan.resized.width);
    place.height = static_cast<uint32_t>(plan.resized.height);
    place.x = plan.paste_x - plan.crop_x;
    place.y = plan.paste_y - plan.crop_y;
  } else {  // cut, then stretched
    place.source_x = plan.crop_x;
    place.source_y = plan.crop_y;
    place.source_width = static_cast<uint32_t>(plan.cropped.width);
    place.source_height = static_cast<uint32_t>(plan.cropped.height);
    place.width = static_cast<uint32_t>(plan.final.width);
    place.height = static_cast<uint32_t>(plan.final.height);
  }
  out.filter = filter_of(plan.filter);
  out.color = plan.color == Color::rgb   ? ImageColor::rgb
              : plan.color == Color::bgr ? ImageColor::bgr
                                         : ImageColor::gray;
  out.channels_last = plan.layout == Layout::nhwc;
  copy_list(preprocessing.mean, out.mean);
  copy_list(preprocessing.std, out.std);
  out.fill = plan.fill;
  return out;
}

ImagePostprocessing gpu_postprocessing(const Preprocessing& preprocessing) {
  ImagePostprocessing out;
  out.scale = preprocessing.output_scale;
  out.offset = preprocessing.output_offset;
  if (preprocessing.color == Color::bgr) out.color = ImageColor::bgr;
  return out;
}

}  // namespace nibble::media

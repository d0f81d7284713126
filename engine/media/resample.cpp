#include "media/resample.h"

#include <algorithm>

#include "core/resample_taps.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kResamplePrecision, 0, 255)); }

Image scale_rows(const Image& image, int width, Filter filter) {
  const ResampleTable table = resample_table(image.width, width, filter == Filter::bicubic);
  const int channels = image.channels;
  Image out = make_image(width, image.height, channels);
  for (int y = 0; y < image.height; ++y) {
    uint8_t* to = out.at(0, y);
    for (const ResampleTaps& taps : table.taps) {
      for (int c = 0; c < channels; ++c) {
        const uint8_t* from = image.at(taps.first, y) + c;
        const int32_t* weights = table.weights.data() + taps.weights;
        int32_t sum = 1 << (kResamplePrecision - 1);
        for (int i = 0; i < taps.count; ++i) sum += weights[i] * from[static_cast<size_t>(i) * channels];
        *to++ = rounded(sum);
      }
    }
  }
  return out;
}

Image scale_columns(const Image& image, int height, Filter filter) {
  const ResampleTable table = resample_table(image.height, height, filter == Filter::bicubic);
  const size_t row = static_cast<size_t>(image.width) * image.channels;
  Image out = make_image(image.width, height, image.channels);
  std::vector<int32_t> sums(row);
  for (int y = 0; y < height; ++y) {
    const ResampleTaps& taps = table.taps[y];
    std::fill(sums.begin(), sums.end(), 1 << (kResamplePrecision - 1));
    for (int i = 0; i < taps.count; ++i) {
      const int32_t weight = table.weights[taps.weights + i];
      const uint8_t* from = image.at(0, taps.first + i);
      for (size_t x = 0; x < row; ++x) sums[x] += weight * from[x];
    }
    std::transform(sums.begin(), sums.end(), out.at(0, y), rounded);
  }
  return out;
}

Image resize_bilinear(const Image& image, int width, int height) {
  const auto columns = resample_neighbours(image.width, width);
  const auto rows = resample_neighbours(image.height, height);
  Image out = make_image(width, height, image.channels);
  uint8_t* to = out.pixels.data();
  for (const ResampleNeighbours& row : rows) {
    for (const ResampleNeighbours& column : columns) {
      for (int c = 0; c < image.channels; ++c) {
        const double upper = image.at(column.first, row.first)[c] * (1.0 - column.weight) +
                             image.at(column.second, row.first)[c] * column.weight;
        const double lower = image.at(column.first, row.second)[c] * (1.0 - column.weight) +
                             image.at(column.second, row.second)[c] * column.weight;
        *to++ = static_cast<uint8_t>(upper * (1.0 - row.weight) + lower * row.weight + 0.5);
      }
    }
  }
  return out;
}

}  // namespace

const char* to_string(Filter filter) {
  switch (filter) {
    case Filter::bilinear: return "bilinear";
    case Filter::bicubic: return "bicubic";
    case Filter::antialias: return "antialias";
  }
  return "unknown";
}

Result<Image> resize(const Image& image, int width, int height, Filter filter) {
  const auto too_big = [](int w, int h) { return int64_t{w} * h > kMaxPixels; };
  // The first pass keeps the height, so its result is bounded too.
  if (width < 1 || height < 1 || too_big(width, height) || too_big(width, image.height)) {
    return Error{Code::invalid_argument,
                 format("a picture of %d x %d cannot be scaled to %d x %d", image.width, image.height, width, height)};
  }
  if (image.width == width && image.height == height) return image;
  if (filter == Filter::bilinear) return resize_bilinear(image, width, height);
  if (image.height == height) return scale_rows(image, width, filter);
  if (image.width == width) return scale_columns(image, height, filter);
  return scale_columns(scale_rows(image, width, filter), height, filter);
}

}  // namespace nibble::media

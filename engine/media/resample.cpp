#include "media/resample.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

// The weights of one output pixel: `count` input pixels from `first` on, their weights at `weights` of the table.
struct Taps {
  int first;
  int count;
  size_t weights;
};

struct TapTable {
  std::vector<Taps> taps;
  std::vector<int32_t> weights;  // fixed point, kPrecision bits behind the point
};

// PIL works with 22 bits: 8 for the pixel and 2 for what a kernel with negative lobes overshoots fill up an int32.
constexpr int kPrecision = 32 - 8 - 2;

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981.
double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

// The kernel is as wide as the distance of output pixels when scaling down, so that no input pixel is skipped.
TapTable make_taps(int in, int out, Filter filter) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = (filter == Filter::bicubic ? 2.0 : 1.0) * widening;
  TapTable table;
  std::vector<double> row;
  for (int x = 0; x < out; ++x) {
    const double center = (x + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in);
    row.clear();
    double sum = 0.0;
    for (int i = first; i < last; ++i) {
      const double distance = (i - center + 0.5) * (1.0 / widening);
      row.push_back(filter == Filter::bicubic ? keys_cubic(distance) : triangle(distance));
      sum += row.back();
    }
    table.taps.push_back({first, last - first, table.weights.size()});
    for (const double weight : row) {
      const double fixed = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecision);
      table.weights.push_back(static_cast<int32_t>(fixed < 0.0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return table;
}

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

Image scale_rows(const Image& image, int width, Filter filter) {
  const TapTable table = make_taps(image.width, width, filter);
  const int channels = image.channels;
  Image out = make_image(width, image.height, channels);
  for (int y = 0; y < image.height; ++y) {
    uint8_t* to = out.at(0, y);
    for (const Taps& taps : table.taps) {
      for (int c = 0; c < channels; ++c) {
        const uint8_t* from = image.at(taps.first, y) + c;
        const int32_t* weights = table.weights.data() + taps.weights;
        int32_t sum = 1 << (kPrecision - 1);
        for (int i = 0; i < taps.count; ++i) sum += weights[i] * from[static_cast<size_t>(i) * channels];
        *to++ = rounded(sum);
      }
    }
  }
  return out;
}

Image scale_columns(const Image& image, int height, Filter filter) {
  const TapTable table = make_taps(image.height, height, filter);
  const size_t row = static_cast<size_t>(image.width) * image.channels;
  Image out = make_image(image.width, height, image.channels);
  std::vector<int32_t> sums(row);
  for (int y = 0; y < height; ++y) {
    const Taps& taps = table.taps[y];
    std::fill(sums.begin(), sums.end(), 1 << (kPrecision - 1));
    for (int i = 0; i < taps.count; ++i) {
      const int32_t weight = table.weights[taps.weights + i];
      const uint8_t* from = image.at(0, taps.first + i);
      for (size_t x = 0; x < row; ++x) sums[x] += weight * from[x];
    }
    std::transform(sums.begin(), sums.end(), out.at(0, y), rounded);
  }
  return out;
}

// The two neighbours of an output pixel and the weight of the second.
struct Neighbours {
  int first, second;
  double weight;
};

std::vector<Neighbours> neighbours(int in, int out) {
  std::vector<Neighbours> result(out);
  for (int x = 0; x < out; ++x) {
    const double at = std::clamp((x + 0.5) * in / out - 0.5, 0.0, in - 1.0);
    const int first = static_cast<int>(at);
    result[x] = {first, std::min(first + 1, in - 1), at - first};
  }
  return result;
}

Image resize_bilinear(const Image& image, int width, int height) {
  const auto columns = neighbours(image.width, width);
  const auto rows = neighbours(image.height, height);
  Image out = make_image(width, height, image.channels);
  uint8_t* to = out.pixels.data();
  for (const Neighbours& row : rows) {
    for (const Neighbours& column : columns) {
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

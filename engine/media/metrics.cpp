#include "media/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

struct Squares {
  double reference = 0.0;
  double difference = 0.0;
};

template <class T>
Squares squares(const T& reference, const T& other) {
  Squares sum;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double value = reference[i], difference = value - other[i];
    sum.reference += value * value;
    sum.difference += difference * difference;
  }
  return sum;
}

double decibels(double signal, double noise) {
  if (noise == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal / noise);
}

}  // namespace

std::vector<size_t> top_k(std::span<const float> values, size_t k) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) {
    const bool a_is_nan = std::isnan(values[a]), b_is_nan = std::isnan(values[b]);
    if (a_is_nan != b_is_nan) return b_is_nan;
    if (!a_is_nan && values[a] != values[b]) return values[a] > values[b];
    return a < b;
  };
  k = std::min(k, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), before);
  order.resize(k);
  return order;
}

std::vector<float> softmax(std::span<const float> values) {
  if (values.empty()) return {};
  const double greatest = *std::max_element(values.begin(), values.end());
  std::vector<double> powers;
  for (const float value : values) powers.push_back(std::exp(value - greatest));
  const double sum = std::accumulate(powers.begin(), powers.end(), 0.0);
  std::vector<float> out;
  for (const double power : powers) out.push_back(static_cast<float>(power / sum));
  return out;
}

bool is_distribution(std::span<const float> values) {
  constexpr double kTolerance = 1e-3;
  const bool none_negative = std::all_of(values.begin(), values.end(), [](float value) { return value >= 0.0f; });
  return none_negative && std::abs(std::accumulate(values.begin(), values.end(), 0.0) - 1.0) <= kTolerance;
}

Result<std::vector<int>> class_mask(std::span<const float> values, std::span<const int64_t> shape, Layout layout,
                                    float threshold) {
  const size_t rank = shape.size();
  const bool one_picture = rank == 3 || (rank == 4 && shape[0] == 1);
  const int64_t channels = !one_picture ? 0 : layout == Layout::nchw ? shape[rank - 3] : shape[rank - 1];
  if (channels < 1 || values.empty() || values.size() % static_cast<size_t>(channels) != 0) {
    return Error{Code::invalid_argument, "the output is no score map: [1, C, H, W] or [1, H, W, C] is needed"};
  }
  const auto classes = static_cast<size_t>(channels);
  const size_t pixels = values.size() / classes;
  const size_t channel_step = layout == Layout::nchw ? pixels : 1, pixel_step = layout == Layout::nchw ? 1 : classes;
  std::vector<int> mask(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const float* at = values.data() + i * pixel_step;
    size_t best = classes == 1 && *at > threshold ? 1 : 0;
    for (size_t c = 1; c < classes; ++c) {
      if (at[c * channel_step] > at[best * channel_step]) best = c;
    }
    mask[i] = static_cast<int>(best);
  }
  return mask;
}

Status MaskOverlap::add(std::span<const int> reference, std::span<const int> other) {
  if (reference.size() != other.size()) {
    return Error{Code::invalid_argument,
                 format("masks of %zu and %zu pixels cannot be compared", reference.size(), other.size())};
  }
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto a = static_cast<size_t>(std::clamp(reference[i], 0, kMaxClasses - 1));
    const auto b = static_cast<size_t>(std::clamp(other[i], 0, kMaxClasses - 1));
    if (std::max(a, b) >= either_.size()) {
      either_.resize(std::max(a, b) + 1, 0);
      common_.resize(either_.size(), 0);
    }
    ++either_[a];
    if (a == b) ++common_[a];
    if (a != b) ++either_[b];
  }
  return {};
}

double MaskOverlap::iou(int label) const {
  const auto i = static_cast<size_t>(label);
  if (label < 0 || i >= either_.size() || either_[i] == 0) return 1.0;
  return static_cast<double>(common_[i]) / static_cast<double>(either_[i]);
}

double MaskOverlap::mean_iou() const {
  double sum = 0.0;
  int present = 0;
  for (size_t i = 0; i < either_.size(); ++i) {
    if (either_[i] == 0) continue;
    sum += iou(static_cast<int>(i));
    ++present;
  }
  return present > 0 ? sum / present : 1.0;
}

Result<double> mean_iou(std::span<const int> reference, std::span<const int> other, int classes) {
  MaskOverlap overlap;
  NBL_CHECK(overlap.add(reference, other));
  return classes <= 2 ? overlap.iou(1) : overlap.mean_iou();
}

double psnr_db(std::span<const float> reference, std::span<const float> other, double peak) {
  if (reference.size() != other.size() || reference.empty()) return std::numeric_limits<double>::quiet_NaN();
  return decibels(peak * peak, squares(reference, other).difference / static_cast<double>(reference.size()));
}

double psnr_db(const Image& reference, const Image& other) {
  const bool alike = reference.width == other.width && reference.channels == other.channels &&
                     reference.pixels.size() == other.pixels.size() && !reference.pixels.empty();
  if (!alike) return std::numeric_limits<double>::quiet_NaN();
  const double noise = squares(reference.pixels, other.pixels).difference;
  return decibels(255.0 * 255.0, noise / static_cast<double>(reference.pixels.size()));
}

double sqnr_db(std::span<const float> reference, std::span<const float> other) {
  if (reference.size() != other.size() || reference.empty()) return std::numeric_limits<double>::quiet_NaN();
  const Squares sum = squares(reference, other);
  return decibels(sum.reference, sum.difference);
}

}  // namespace nibble::media

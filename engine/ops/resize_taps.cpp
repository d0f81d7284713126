#include <algorithm>
#include <array>
#include <cmath>

#include "ops/resize.h"

namespace nibble {

namespace {

// Position of output pixel `i` in the coordinates of the input, as ONNX defines the transformation modes.
double source_position(ResizeCoordinates mode, int64_t i, double scale, int64_t in, int64_t out) {
  const auto x = static_cast<double>(i);
  switch (mode) {
    case ResizeCoordinates::half_pixel: return (x + 0.5) / scale - 0.5;
    case ResizeCoordinates::pytorch_half_pixel: return out > 1 ? (x + 0.5) / scale - 0.5 : 0.0;
    case ResizeCoordinates::align_corners:
      return out > 1 ? x * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
    case ResizeCoordinates::asymmetric: return x / scale;
    case ResizeCoordinates::half_pixel_symmetric: {
      const double adjustment = static_cast<double>(out) / (scale * static_cast<double>(in));
      const double center = static_cast<double>(in) / 2.0;
      return center * (1.0 - adjustment) + (x + 0.5) / scale - 0.5;
    }
    case ResizeCoordinates::tf_half_pixel_for_nn: return (x + 0.5) / scale;
  }
  return x;
}

double round_to_pixel(NearestMode mode, double position) {
  // The scale is an fp32 number: 11 / 1.1f is meant to be 10. What lies within its rounding of a pixel or a tie is on
  // it.
  const double on_grid = std::round(2.0 * position) / 2.0;
  if (std::abs(position - on_grid) <= 2.4e-7 * (1.0 + std::abs(position))) position = on_grid;
  switch (mode) {
    case NearestMode::round_prefer_floor: return std::ceil(position - 0.5);
    case NearestMode::round_prefer_ceil: return std::floor(position + 0.5);
    case NearestMode::floor: return std::floor(position);
    case NearestMode::ceil: return std::ceil(position);
  }
  return position;
}

// Robert Keys, Cubic convolution interpolation for digital image processing, 1981; `a` is his free parameter.
std::array<double, 4> cubic_weights(double fraction, double a) {
  const double t = fraction;
  const double u = 1.0 - t;
  const auto far = [a](double d) { return ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a; };  // 1 <= d <= 2
  const auto near = [a](double d) { return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0; };       // 0 <= d <= 1
  return {far(t + 1.0), near(t), near(u), far(u + 1.0)};
}

// Rounded weights that sum to one exactly: the largest takes what rounding left over.
void append_integer_weights(ResizeTaps& out, const double* weights, int32_t taps) {
  const int32_t one = 1 << kResizeWeightBits;
  const size_t first = out.integer_weight.size();
  int32_t left = one;
  int32_t largest = 0;
  for (int32_t k = 0; k < taps; ++k) {
    const auto weight = static_cast<int32_t>(std::lround(std::clamp(weights[k], -64.0, 64.0) * one));
    out.integer_weight.push_back(weight);
    left -= weight;
    if (weights[k] > weights[largest]) largest = k;
  }
  out.integer_weight[first + static_cast<size_t>(largest)] += left;
}

// Taps at first, first + 1, ...; indices outside are clamped, or left out when exclude_outside is set.
void append_taps(ResizeTaps& out, int64_t first, std::array<double, 4> weights, int64_t in, bool exclude_outside) {
  double sum = 0.0;
  for (int32_t k = 0; k < out.taps; ++k) {
    const int64_t at = first + k;
    if (exclude_outside && (at < 0 || at >= in)) weights[static_cast<size_t>(k)] = 0.0;
    sum += weights[static_cast<size_t>(k)];
    out.index.push_back(static_cast<int32_t>(std::clamp<int64_t>(at, 0, in - 1)));
  }
  if (exclude_outside && sum != 0.0) {
    for (double& weight : weights) weight /= sum;
  }
  for (int32_t k = 0; k < out.taps; ++k) out.weight.push_back(static_cast<float>(weights[static_cast<size_t>(k)]));
  append_integer_weights(out, weights.data(), out.taps);
}

}  // namespace

ResizeTaps resize_taps(const Resize& op, bool vertical, int64_t in, int64_t out) {
  const float given = vertical ? op.scale_h : op.scale_w;
  const double scale = given > 0.0f ? static_cast<double>(given) : static_cast<double>(out) / static_cast<double>(in);
  ResizeTaps taps;
  taps.taps = op.mode == ResizeMode::nearest ? 1 : op.mode == ResizeMode::linear ? 2 : 4;
  const auto limit = static_cast<double>(in) + 4.0;
  for (int64_t i = 0; i < out; ++i) {
    const double position = std::clamp(source_position(op.coordinates, i, scale, in, out), -limit, limit);
    if (op.mode == ResizeMode::nearest) {
      const auto at = static_cast<int64_t>(round_to_pixel(op.nearest, position));
      append_taps(taps, at, {1.0, 0.0, 0.0, 0.0}, in, false);
      continue;
    }
    const double floor = std::floor(position);
    const double fraction = position - floor;
    const auto base = static_cast<int64_t>(floor);
    if (op.mode == ResizeMode::linear) {
      append_taps(taps, base, {1.0 - fraction, fraction, 0.0, 0.0}, in, op.exclude_outside);
    } else {
      append_taps(taps, base - 1, cubic_weights(fraction, static_cast<double>(op.cubic_a)), in, op.exclude_outside);
    }
  }
  return taps;
}

}  // namespace nibble

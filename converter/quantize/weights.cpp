#include "converter/quantize/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/quantize/weight_grid.h"

namespace nibble::quantization {
namespace {

// Products, the zero point's share of the bias (up to as much again) and the bias itself (2^28) must fit in int32.
constexpr int64_t kMaxRowBound = int64_t{7} << 27;

int32_t round_clamped(double v, int32_t low, int32_t high) {
  return static_cast<int32_t>(std::clamp(std::round(v), static_cast<double>(low), static_cast<double>(high)));
}

double squared_error(const std::vector<float>& group, double scale) {
  double error = 0.0;
  for (float w : group) {
    const double e = static_cast<double>(w) - scale * round_clamped(static_cast<double>(w) / scale, -8, 7);
    error += e * e;
  }
  return error;
}

// Scale of one int4 group by squared error over clipping ratios; 0 for a group of zeros.
double group_scale(const std::vector<float>& group) {
  double largest = 0.0;
  for (float w : group) largest = std::max(largest, std::abs(static_cast<double>(w)));
  if (largest == 0.0) return 0.0;
  double best = largest / 7.0, best_error = std::numeric_limits<double>::infinity();
  for (double ratio = 1.0; ratio > 0.68; ratio -= 0.04) {
    const double scale = ratio * largest / 7.0;
    const double error = squared_error(group, scale);
    if (error < best_error) best = scale, best_error = error;
  }
  return best;
}

}  // namespace

int64_t QuantizedWeights::row_sum(int64_t output) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < row(); ++i) {
    const int64_t m =
        groups
            ? multipliers[static_cast<size_t>(output * groups + group_of(i / kernel, i % kernel, inputs, group_size))]
            : 1;
    sum += m * values[static_cast<size_t>(output * row() + i)];
  }
  return sum;
}

int64_t QuantizedWeights::row_bound(int64_t output) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < row(); ++i) {
    const int64_t m =
        groups
            ? multipliers[static_cast<size_t>(output * groups + group_of(i / kernel, i % kernel, inputs, group_size))]
            : 1;
    sum += m * std::abs(static_cast<int64_t>(values[static_cast<size_t>(output * row() + i)]));
  }
  return sum * 128;
}

int64_t group_of(int64_t input, int64_t position, int64_t inputs, int32_t group_size) {
  return (position * ((inputs + 3) / 4 * 4) + input) / group_size;
}

int64_t group_count(int64_t inputs, int64_t kernel, int32_t group_size) {
  return (kernel * ((inputs + 3) / 4 * 4) + group_size - 1) / group_size;
}

int32_t largest_multiplier(int64_t row) {
  // 8 * 128 * 255 * row is what multipliers of up to 255 could add up to; longer rows get smaller ones.
  return static_cast<int32_t>(std::clamp<int64_t>(kMaxRowBound / (1024 * row), 1, 255));
}

QuantizedWeights round_int8(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            std::span<const float> fixed_scales) {
  QuantizedWeights out{outputs, inputs, kernel, {}, {}, 0, 0, {}};
  out.values.resize(weights.size());
  const auto row = static_cast<size_t>(out.row());
  for (size_t o = 0; o < static_cast<size_t>(outputs); ++o) {
    const std::span<const float> w = weights.subspan(o * row, row);
    float scale = 0.0f;
    if (!fixed_scales.empty()) {
      scale = fixed_scales[fixed_scales.size() == 1 ? 0 : o];
    } else {
      for (float v : w) scale = std::max(scale, std::abs(v));
      const double step = grid_step(w);
      scale = step > 0.0 ? static_cast<float>(step) : scale / 127.0f;
    }
    if (!(scale > std::numeric_limits<float>::min())) scale = 1e-8f;  // a channel of zeros
    for (size_t i = 0; i < row; ++i) {
      const double q = static_cast<double>(w[i]) / static_cast<double>(scale);
      out.values[o * row + i] = static_cast<int8_t>(round_clamped(q, fixed_scales.empty() ? -127 : -128, 127));
    }
    out.scales.push_back(scale);
  }
  return out;
}

QuantizedWeights round_int4(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            int32_t group_size) {
  QuantizedWeights out{outputs, inputs, kernel, {}, {}, group_size, group_count(inputs, kernel, group_size), {}};
  out.values.resize(weights.size());
  out.multipliers.assign(static_cast<size_t>(outputs * out.groups), 1);
  const int64_t row = out.row();
  for (int64_t o = 0; o < outputs; ++o) {
    std::vector<std::vector<float>> groups(static_cast<size_t>(out.groups));
    for (int64_t i = 0; i < row; ++i) {
      groups[static_cast<size_t>(group_of(i / kernel, i % kernel, inputs, group_size))].push_back(
          weights[static_cast<size_t>(o * row + i)]);
    }
    std::vector<double> scales;
    for (const auto& group : groups) scales.push_back(group_scale(group));
    const double largest = *std::max_element(scales.begin(), scales.end());
    const int32_t top = largest_multiplier(row);
    const auto scale = static_cast<float>(largest > 0.0 ? largest / top : 1e-8);
    out.scales.push_back(scale);
    for (size_t g = 0; g < groups.size(); ++g) {
      out.multipliers[static_cast<size_t>(o) * groups.size() + g] =
          static_cast<uint8_t>(round_clamped(scales[g] / static_cast<double>(scale), 1, top));
    }
    for (int64_t i = 0; i < row; ++i) {
      const auto at = static_cast<size_t>(o * row + i);
      const auto g = static_cast<size_t>(o * out.groups + group_of(i / kernel, i % kernel, inputs, group_size));
      const double step = static_cast<double>(scale) * out.multipliers[g];
      out.values[at] = static_cast<int8_t>(round_clamped(static_cast<double>(weights[at]) / step, -8, 7));
    }
  }
  return out;
}

std::vector<float> dequantize(const QuantizedWeights& w) {
  std::vector<float> out(w.values.size());
  for (size_t at = 0; at < out.size(); ++at) {
    const auto o = static_cast<int64_t>(at) / w.row(), i = static_cast<int64_t>(at) % w.row();
    const int m = w.groups ? w.multipliers[static_cast<size_t>(
                                 o * w.groups + group_of(i / w.kernel, i % w.kernel, w.inputs, w.group_size))]
                           : 1;
    out[at] = w.scales[static_cast<size_t>(o)] * static_cast<float>(m * w.values[at]);
  }
  return out;
}

}  // namespace nibble::quantization

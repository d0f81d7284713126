#include "converter/quantize/power_of_two.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace nibble::quantization {

float power_of_two_above(double v) {
  int exponent = 0;
  const double mantissa = std::frexp(v, &exponent);  // v = mantissa * 2^exponent, mantissa in [0.5, 1)
  return static_cast<float>(std::ldexp(1.0, mantissa == 0.5 ? exponent - 1 : exponent));
}

ActivationQuant choose_power_of_two_quant(Range range) {
  ActivationQuant q = choose_quant(range);
  q.scale = power_of_two_above(static_cast<double>(q.scale));
  const double low = std::min(static_cast<double>(range.low), 0.0);
  const double zero = std::round(-127.0 - low / static_cast<double>(q.scale));
  q.zero_point = static_cast<int32_t>(std::clamp(zero, -127.0, 127.0));
  return q;
}

QuantizedWeights round_int8_power_of_two(std::span<const float> weights, int64_t outputs, int64_t inputs,
                                         int64_t kernel) {
  const auto row = static_cast<size_t>(inputs * kernel);
  std::vector<float> scales;
  for (size_t o = 0; o < static_cast<size_t>(outputs); ++o) {
    float largest = 0.0f;
    for (float w : weights.subspan(o * row, row)) largest = std::max(largest, std::abs(w));
    scales.push_back(power_of_two_above(std::max(static_cast<double>(largest) / 127.0, 1e-8)));
  }
  return round_int8(weights, outputs, inputs, kernel, scales);
}

QuantizedWeights round_int4_power_of_two(std::span<const float> weights, int64_t outputs, int64_t inputs,
                                         int64_t kernel, int32_t group_size) {
  QuantizedWeights out = round_int4(weights, outputs, inputs, kernel, group_size);
  const auto groups = static_cast<size_t>(out.groups);
  const double top = std::bit_floor(static_cast<uint32_t>(largest_multiplier(out.row())));
  for (size_t o = 0; o < static_cast<size_t>(outputs); ++o) {
    std::vector<double> steps;
    for (size_t g = 0; g < groups; ++g)
      steps.push_back(static_cast<double>(
          power_of_two_above(static_cast<double>(out.scales[o]) * out.multipliers[o * groups + g])));
    const double scale = *std::max_element(steps.begin(), steps.end()) / top;
    out.scales[o] = static_cast<float>(scale);
    for (size_t g = 0; g < groups; ++g)
      out.multipliers[o * groups + g] = static_cast<uint8_t>(std::max(1.0, steps[g] / scale));
    for (int64_t i = 0; i < out.row(); ++i) {
      const auto at = o * static_cast<size_t>(out.row()) + static_cast<size_t>(i);
      const auto g = static_cast<size_t>(group_of(i / kernel, i % kernel, inputs, group_size));
      const double value = static_cast<double>(weights[at]) / (scale * out.multipliers[o * groups + g]);
      out.values[at] = static_cast<int8_t>(std::clamp(std::round(value), -8.0, 7.0));
    }
  }
  return out;
}

}  // namespace nibble::quantization

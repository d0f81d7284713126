#include "converter/recover/adam.h"

#include <algorithm>
#include <cmath>

namespace nibble::recover {
namespace {

constexpr double kMeanDecay = 0.9, kSquareDecay = 0.999;

float root_mean_square(std::span<const float> values) {
  double sum = 0.0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return static_cast<float>(std::sqrt(sum / static_cast<double>(std::max<size_t>(values.size(), 1))));
}

}  // namespace

Adam::Adam(const Subnet& subnet, bool keep_zeros) {
  const std::vector<float>& initial = subnet.initial();
  size_.assign(initial.size(), 0.0f);
  mean_.assign(initial.size(), 0.0f);
  square_.assign(initial.size(), 0.0f);
  float weights_size = 0.0f;
  for (const Parameter& p : subnet.parameters()) {
    const float own = root_mean_square(std::span(initial).subspan(p.begin, p.count));
    if (!p.is_bias) weights_size = own;
    if (!p.trainable) continue;
    // A bias of nothing but zeros must be able to move: it follows its weights, which come before it.
    const float size = std::max(p.is_bias ? std::max(own, weights_size) : own, 1e-6f);
    for (size_t i = p.begin; i < p.begin + p.count; ++i) {
      size_[i] = keep_zeros && !p.is_bias && initial[i] == 0.0f ? 0.0f : size;
    }
  }
}

void Adam::step(std::span<const float> gradient, double rate, std::span<float> values) {
  ++steps_;
  const auto correct_mean = static_cast<float>(1.0 / (1.0 - std::pow(kMeanDecay, static_cast<double>(steps_))));
  const auto correct_square = static_cast<float>(1.0 / (1.0 - std::pow(kSquareDecay, static_cast<double>(steps_))));
  const auto r = static_cast<float>(rate);
  const auto a = static_cast<float>(kMeanDecay), b = static_cast<float>(kSquareDecay);
  for (size_t i = 0; i < values.size(); ++i) {
    mean_[i] = a * mean_[i] + (1.0f - a) * gradient[i];
    square_[i] = b * square_[i] + (1.0f - b) * gradient[i] * gradient[i];
    // The floor keeps parameters without any gradient, as of a dead channel, where they are.
    values[i] -= r * size_[i] * mean_[i] * correct_mean / (std::sqrt(square_[i] * correct_square) + 1e-12f);
  }
}

}  // namespace nibble::recover

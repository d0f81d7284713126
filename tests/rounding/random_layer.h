// Layers with random weights and correlated random inputs.
#pragma once

#include "converter/rounding/round_layer.h"
#include "converter/statistics/gram.h"
#include "tests/converter/oracle_run.h"

namespace nibble::test {

struct RandomLayer {
  Floats weights;
  Floats x;  // [groups, samples, row]
  rounding::LayerWeights layer;
  statistics::LayerMoments moments;

  RandomLayer(int64_t outputs, int64_t inputs, int64_t kernel, int64_t groups, int32_t group_size, int64_t samples,
              uint32_t seed) {
    const int64_t row = inputs * kernel;
    weights = noise(static_cast<size_t>(outputs * row), seed);
    for (float& w : weights) w = w * w * w;  // a few large ones
    x = noise(static_cast<size_t>(groups * samples * row), seed + 1);
    for (int64_t r = 0; r < groups * samples; ++r) {  // neighbours alike, and not around 0
      for (int64_t i = 1; i < row; ++i)
        x[static_cast<size_t>(r * row + i)] =
            0.8f * x[static_cast<size_t>(r * row + i - 1)] + 0.4f * x[static_cast<size_t>(r * row + i)] + 0.1f;
    }
    layer = {outputs, inputs, kernel, groups, weights, Floats(static_cast<size_t>(outputs), 0.25f), group_size, {}};
    moments = statistics::make_layer_moments(inputs, kernel, groups);
    moments.count = static_cast<uint64_t>(samples);
    for (int64_t g = 0; g < groups; ++g) {
      const float* rows = x.data() + g * samples * row;
      statistics::add_gram(rows, samples, row, moments.gram.data() + g * moments.gram_size(), 1);
      statistics::add_sum(rows, samples, row, moments.sum.data() + g * row);
    }
  }
  RandomLayer(const RandomLayer&) = delete;

  // Mean squared difference of the layer's outputs over its inputs.
  double output_error(const quantization::RoundedLayer& rounded) const {
    const std::vector<float> w = quantization::dequantize(rounded.weights);
    const auto row = static_cast<size_t>(moments.row()), n = static_cast<size_t>(moments.count);
    const size_t per_group = static_cast<size_t>(layer.outputs / layer.groups);
    double sum = 0;
    for (size_t o = 0; o < static_cast<size_t>(layer.outputs); ++o) {
      for (size_t s = 0; s < n; ++s) {
        const float* in = x.data() + (o / per_group * n + s) * row;
        double e = static_cast<double>(rounded.bias[o]) - static_cast<double>(layer.bias[o]);
        for (size_t i = 0; i < row; ++i)
          e += (static_cast<double>(w[o * row + i]) - static_cast<double>(weights[o * row + i])) *
               static_cast<double>(in[i]);
        sum += e * e;
      }
    }
    return sum / static_cast<double>(n) / static_cast<double>(layer.outputs);
  }
};

}  // namespace nibble::test

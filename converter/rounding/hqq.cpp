// Rounding that knows the weights alone.
#include <algorithm>
#include <cmath>

#include "converter/rounding/round_layer.h"
#include "converter/rounding/weight_row.h"

namespace nibble::rounding {
namespace {

constexpr double kNorm = 0.7;
constexpr int kRounds = 20;

// The step of one group that makes sum |w - step * q|^p least, p = 0.7: few large errors count less than with squares.
// Half-quadratic splitting alternates shrunken errors and the step; our groups have no zero point, so the step moves.
double step_of(std::span<const double> w, int32_t low, int32_t high) {
  double most = 0.0;
  for (double v : w) most = std::max(most, std::abs(v));
  if (most == 0.0) return 0.0;
  const auto nearest = [&](double v, double step) {
    return std::clamp(std::round(v / step), static_cast<double>(low), static_cast<double>(high));
  };
  const auto loss = [&](double step) {
    double sum = 0.0;
    for (double v : w) sum += std::pow(std::abs(v - step * nearest(v, step)), kNorm);
    return sum;
  };
  // The splitting finds the optimum near where it starts: so the best of a few clipping ratios.
  double best = most / high, least = loss(best), beta = 10.0 / (most * most);
  for (double ratio = 0.96; ratio > 0.68; ratio -= 0.04) {
    const double clipped = ratio * most / high;
    if (const double now = loss(clipped); now < least) least = now, best = clipped;
  }
  double step = best;
  for (int round = 0; round < kRounds; ++round, beta *= 1.01) {
    double product = 0.0, square = 0.0;
    for (double v : w) {
      const double q = nearest(v, step), e = v - step * q, a = std::abs(e);
      const double shrunk = a > 0.0 ? std::copysign(std::max(a - std::pow(a, kNorm - 1.0) / beta, 0.0), e) : 0.0;
      product += (v - shrunk) * q;
      square += q * q;
    }
    if (!(square > 0.0) || !(product > 0.0)) break;
    step = product / square;
    if (const double now = loss(step); now < least) least = now, best = step;
  }
  return best;
}

}  // namespace

quantization::RoundedLayer round_without_data(const LayerWeights& layer) {
  quantization::RoundedLayer out;
  out.bias = layer.bias;
  if (layer.group_size == 0) {
    out.weights =
        quantization::round_int8(layer.weights, layer.outputs, layer.inputs, layer.kernel, layer.fixed_scales);
    return out;
  }
  const RowFormat format = row_format(layer.inputs, layer.kernel, layer.group_size);
  const auto width = static_cast<size_t>(layer.inputs * layer.kernel);
  std::vector<WeightRow> rows;
  for (size_t o = 0; o < static_cast<size_t>(layer.outputs); ++o) {
    WeightRow row = format.row();
    std::vector<std::vector<double>> groups(row.multiplier.size());
    for (size_t j = 0; j < width; ++j)
      groups[static_cast<size_t>(row.group[j])].push_back(static_cast<double>(layer.weights[o * width + j]));
    std::vector<double> steps;
    for (const auto& group : groups) steps.push_back(step_of(group, row.low, row.high));
    const double largest = *std::max_element(steps.begin(), steps.end());
    row.scale = static_cast<double>(static_cast<float>(std::max(largest / row.top_multiplier, 1e-8)));
    for (size_t g = 0; g < steps.size(); ++g) {
      row.multiplier[g] = static_cast<int32_t>(
          std::clamp(std::round(steps[g] / row.scale), 1.0, static_cast<double>(row.top_multiplier)));
    }
    for (size_t j = 0; j < width; ++j) row.value[j] = row.nearest(j, static_cast<double>(layer.weights[o * width + j]));
    rows.push_back(std::move(row));
  }
  out.weights = assemble(format, layer.inputs, layer.kernel, rows);
  return out;
}

}  // namespace nibble::rounding

#include "converter/rounding/held_out.h"

#include <algorithm>

#include "converter/quantize/weights.h"
#include "core/try.h"

namespace nibble::rounding {
namespace {

// From the fullest fit to hardly more than rounding each weight with regard to its own second moment.
constexpr FitStrength kStrengths[] = {{1.0, 1.0},        {1.0, 1.0 / 8.0}, {1.0, 1.0 / 64.0}, {0.5, 1.0 / 8.0},
                                      {0.5, 1.0 / 64.0}, {0.0, 1.0 / 8.0}, {0.0, 1.0 / 64.0}};

void add(std::vector<double>& sum, const std::vector<double>& other) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
}

// A layer with some of the outputs of another; `weights` holds its weights.
struct Outputs {
  LayerWeights layer;
  std::vector<float> weights;
  PartSums fit, held;
};

// Evenly spaced outputs of a layer without groups; moments are shared by all outputs and come along as they are.
void take_outputs(const LayerWeights& layer, const PartSums& fit, const PartSums& held, Outputs& out) {
  const int64_t row = layer.inputs * layer.kernel, count = std::min(layer.outputs, kTriedOutputs);
  out.layer = layer;
  out.fit.moments = fit.moments;
  out.held.moments = held.moments;
  out.layer.outputs = count;
  out.layer.bias.clear();
  const auto copy = [&](const Targets& from, int64_t o, Targets& to) {
    to.cross.insert(to.cross.end(), from.cross.begin() + o * row, from.cross.begin() + (o + 1) * row);
    to.sum.push_back(from.sum[static_cast<size_t>(o)]);
  };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t o = i * layer.outputs / count;
    out.weights.insert(out.weights.end(), layer.weights.begin() + o * row, layer.weights.begin() + (o + 1) * row);
    out.layer.bias.push_back(layer.bias[static_cast<size_t>(o)]);
    copy(fit.targets, o, out.fit.targets);
    copy(held.targets, o, out.held.targets);
  }
  out.layer.weights = out.weights;
}

}  // namespace

Status PartSums::merge(const PartSums& other) {
  NBL_CHECK(moments.merge(other.moments));
  add(targets.cross, other.targets.cross);
  add(targets.sum, other.targets.sum);
  return {};
}

Targets follow(const LayerWeights& layer, const statistics::LayerMoments& m, Targets targets, double share) {
  if (share >= 1.0) return targets;
  const int64_t row = m.row(), per_group = layer.outputs / layer.groups;
  std::vector<double> own(static_cast<size_t>(row));
  for (int64_t o = 0; o < layer.outputs; ++o) {
    const std::span<const double> gram = m.gram_of(o / per_group), sum = m.sum_of(o / per_group);
    std::fill(own.begin(), own.end(), 0.0);
    double own_sum = 0.0;
    for (int64_t i = 0; i < row; ++i) {
      const auto w = static_cast<double>(layer.weights[static_cast<size_t>(o * row + i)]);
      own_sum += w * sum[static_cast<size_t>(i)];
      if (w == 0.0) continue;
      const double* h = gram.data() + i * row;
      for (int64_t j = 0; j < row; ++j) own[static_cast<size_t>(j)] += w * h[j];
    }
    double* cross = targets.cross.data() + o * row;
    for (int64_t j = 0; j < row; ++j) cross[j] = share * cross[j] + (1.0 - share) * own[static_cast<size_t>(j)];
    double& wanted = targets.sum[static_cast<size_t>(o)];
    wanted = share * wanted + (1.0 - share) * own_sum;
  }
  return targets;
}

double held_out_error(const LayerWeights& layer, const quantization::RoundedLayer& rounded, const PartSums& part) {
  const statistics::LayerMoments& m = part.moments;
  const int64_t row = m.row(), per_group = layer.outputs / layer.groups;
  const std::vector<float> weights = quantization::dequantize(rounded.weights);
  const auto count = static_cast<double>(m.count);
  double error = 0.0;
  for (int64_t o = 0; o < layer.outputs; ++o) {
    const std::span<const double> gram = m.gram_of(o / per_group), sum = m.sum_of(o / per_group);
    const float* w = weights.data() + o * row;
    const double* cross = part.targets.cross.data() + o * row;
    const auto at = static_cast<size_t>(o);
    const double b = static_cast<double>(rounded.bias[at]) - static_cast<double>(layer.bias[at]);
    double quadratic = 0.0, linear = 0.0, mean = 0.0;
    for (int64_t i = 0; i < row; ++i) {
      const auto wi = static_cast<double>(w[i]);
      if (wi == 0.0) continue;
      const double* h = gram.data() + i * row;
      double dot = 0.0;
      for (int64_t j = 0; j < row; ++j) dot += h[j] * static_cast<double>(w[j]);
      quadratic += wi * dot;
      linear += wi * cross[i];
      mean += wi * sum[static_cast<size_t>(i)];
    }
    error += quadratic - 2.0 * linear + 2.0 * b * (mean - part.targets.sum[at]) + count * b * b;
  }
  return error;
}

Result<FitStrength> choose_strength(const LayerWeights& layer, const PartSums& fit, const PartSums& held,
                                    const Options& options) {
  const bool part = layer.groups == 1 && layer.outputs > kTriedOutputs;
  Outputs some;
  if (part) take_outputs(layer, fit, held, some);
  const LayerWeights& tried = part ? some.layer : layer;
  const PartSums &to_fit = part ? some.fit : fit, &to_judge = part ? some.held : held;
  FitStrength best;
  double least = 0.0;
  for (const FitStrength& strength : kStrengths) {
    Options with = options;
    with.damping.trust = strength.trust;
    NBL_TRY(const LayerResult result,
            round_layer(tried, to_fit.moments, follow(tried, to_fit.moments, to_fit.targets, strength.follow), with));
    const double error = held_out_error(tried, result.layer, to_judge);
    if (&strength != kStrengths && !(error < least)) continue;
    least = error;
    best = strength;
  }
  return best;
}

}  // namespace nibble::rounding

#include "converter/rounding/held_out.h"

#include <algorithm>

#include "converter/quantize/weights.h"
#include "converter/statistics/gram.h"
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
  Targets fit, held;
};

// Evenly spaced outputs of a layer without groups; moments are shared by all outputs.
void take_outputs(const LayerWeights& layer, const PartSums& fit, const PartSums& held, Outputs& out) {
  const int64_t row = layer.inputs * layer.kernel, count = std::min(layer.outputs, kTriedOutputs);
  out.layer = layer;
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
    copy(fit.targets, o, out.fit);
    copy(held.targets, o, out.held);
  }
  out.layer.weights = out.weights;
}

// What a layer's own weights make of its input, as Targets.
Targets own_outputs(const LayerWeights& layer, const statistics::LayerMoments& m) {
  const int64_t row = m.row(), per_group = layer.outputs / layer.groups;
  Targets out{std::vector<double>(static_cast<size_t>(layer.outputs * row), 0.0),
              std::vector<double>(static_cast<size_t>(layer.outputs), 0.0)};
  std::vector<double> h(static_cast<size_t>(row));
  for (int64_t g = 0; g < layer.groups; ++g) {
    const std::span<const double> gram = m.gram_of(g), sum = m.sum_of(g);
    for (int64_t i = 0; i < row; ++i) {
      statistics::read_symmetric_row(gram.data(), row, i, h.data());
      for (int64_t o = g * per_group; o < (g + 1) * per_group; ++o) {
        const auto w = static_cast<double>(layer.weights[static_cast<size_t>(o * row + i)]);
        out.sum[static_cast<size_t>(o)] += w * sum[static_cast<size_t>(i)];
        if (w == 0.0) continue;
        double* own = out.cross.data() + o * row;
        for (int64_t j = 0; j < row; ++j) own[j] += w * h[static_cast<size_t>(j)];
      }
    }
  }
  return out;
}

Targets mixed(const Targets& wanted, const Targets& own, double share) {
  if (share >= 1.0) return wanted;
  Targets out = wanted;
  for (size_t i = 0; i < out.cross.size(); ++i) out.cross[i] = share * out.cross[i] + (1.0 - share) * own.cross[i];
  for (size_t i = 0; i < out.sum.size(); ++i) out.sum[i] = share * out.sum[i] + (1.0 - share) * own.sum[i];
  return out;
}

}  // namespace

Status PartSums::merge(const PartSums& other) {
  NBL_CHECK(moments.merge(other.moments));
  add(targets.cross, other.targets.cross);
  add(targets.sum, other.targets.sum);
  return {};
}

Targets follow(const LayerWeights& layer, const statistics::LayerMoments& m, Targets targets, double share) {
  return share >= 1.0 ? std::move(targets) : mixed(targets, own_outputs(layer, m), share);
}

double held_out_error(const LayerWeights& layer, const quantization::RoundedLayer& rounded,
                      const statistics::LayerMoments& m, const Targets& targets) {
  const int64_t row = m.row(), per_group = layer.outputs / layer.groups;
  const std::vector<float> weights = quantization::dequantize(rounded.weights);
  const auto count = static_cast<double>(m.count);
  // W H, row by row of the symmetric H.
  std::vector<double> product(static_cast<size_t>(layer.outputs * row), 0.0), h(static_cast<size_t>(row));
  for (int64_t g = 0; g < layer.groups; ++g) {
    for (int64_t j = 0; j < row; ++j) {
      statistics::read_symmetric_row(m.gram_of(g).data(), row, j, h.data());
      for (int64_t o = g * per_group; o < (g + 1) * per_group; ++o) {
        const auto by = static_cast<double>(weights[static_cast<size_t>(o * row + j)]);
        double* to = product.data() + o * row;
        for (int64_t i = 0; i < row; ++i) to[i] += h[static_cast<size_t>(i)] * by;
      }
    }
  }
  double error = 0.0;
  for (int64_t o = 0; o < layer.outputs; ++o) {
    const std::span<const double> sum = m.sum_of(o / per_group);
    const auto at = static_cast<size_t>(o), first = static_cast<size_t>(o * row);
    const double b = static_cast<double>(rounded.bias[at]) - static_cast<double>(layer.bias[at]);
    double quadratic = 0.0, linear = 0.0, mean = 0.0;
    for (size_t i = 0; i < static_cast<size_t>(row); ++i) {
      const auto w = static_cast<double>(weights[first + i]);
      quadratic += w * product[first + i];
      linear += w * targets.cross[first + i];
      mean += w * sum[i];
    }
    error += quadratic - 2.0 * linear + 2.0 * b * (mean - targets.sum[at]) + count * b * b;
  }
  return error;
}

Result<FitStrength> choose_strength(const LayerWeights& layer, const PartSums& fit, const PartSums& held,
                                    const Options& options) {
  const bool part = layer.groups == 1 && layer.outputs > kTriedOutputs;
  Outputs some;
  if (part) take_outputs(layer, fit, held, some);
  const LayerWeights& tried = part ? some.layer : layer;
  const Targets &wanted = part ? some.fit : fit.targets, &judged = part ? some.held : held.targets;
  const Targets own = own_outputs(tried, fit.moments);
  std::vector<double> errors(std::size(kStrengths));
  // Strengths of one trust have the same H: it is factored once for all of them.
  std::vector<bool> done(errors.size(), false);
  for (size_t first = 0; first < errors.size(); ++first) {
    if (done[first]) continue;
    std::vector<size_t> alike;
    std::vector<Targets> targets;
    for (size_t s = first; s < errors.size(); ++s) {
      if (kStrengths[s].trust != kStrengths[first].trust) continue;
      done[s] = true;
      alike.push_back(s);
      targets.push_back(mixed(wanted, own, kStrengths[s].follow));
    }
    Options with = options;
    with.damping.trust = kStrengths[first].trust;
    NBL_TRY(const std::vector<LayerResult> results, round_layer_each(tried, fit.moments, targets, with));
    for (size_t a = 0; a < alike.size(); ++a)
      errors[alike[a]] = held_out_error(tried, results[a].layer, held.moments, judged);
  }
  size_t best = 0;
  for (size_t s = 1; s < errors.size(); ++s) {
    if (errors[s] < errors[best]) best = s;
  }
  return kStrengths[best];
}

}  // namespace nibble::rounding

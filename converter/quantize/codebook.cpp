#include "converter/quantize/codebook.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace nibble::quantization {
namespace {

constexpr size_t kEntries = 16;
constexpr int kRounds = 5;         // of scales and entries in turn
constexpr int kLloydSteps = 60;    // at most, a round
constexpr size_t kBins = 1 << 14;  // of the normalized weights, so that a step costs the same for any tensor
constexpr double kLeastScale = 1e-8;

using Entries = std::array<double, kEntries>;

// Weights row by row with what their errors cost.
struct Rows {
  std::span<const float> weights;
  int64_t outputs, row, groups;
  Importance importance;

  double weight(int64_t o, int64_t k) const { return static_cast<double>(weights[static_cast<size_t>(o * row + k)]); }
  double cost(int64_t o, int64_t k) const {
    if (importance.empty()) return 1.0;
    const int64_t group = o / (outputs / groups);
    return importance[static_cast<size_t>(group * row + k)];
  }
};

QuantizedWeights empty_weights(const Rows& rows, int64_t inputs, int64_t kernel) {
  QuantizedWeights out{rows.outputs, inputs, kernel, {}, {}, 0, 0, {}, {}};
  out.values.resize(rows.weights.size());
  out.scales.assign(static_cast<size_t>(rows.outputs), static_cast<float>(kLeastScale));
  return out;
}

// A histogram of w / scale over [-most, most]: the mass and the first moment of each bin.
struct Histogram {
  double most = 1.0;
  std::vector<double> mass, moment;
};

Histogram collect(const Rows& rows, const std::vector<double>& scales) {
  Histogram out;
  out.most = 0.0;
  for (int64_t o = 0; o < rows.outputs; ++o) {
    for (int64_t k = 0; k < rows.row; ++k)
      out.most = std::max(out.most, std::abs(rows.weight(o, k)) / scales[static_cast<size_t>(o)]);
  }
  if (!(out.most > 0.0)) out.most = 1.0;
  out.mass.assign(kBins, 0.0), out.moment.assign(kBins, 0.0);
  for (int64_t o = 0; o < rows.outputs; ++o) {
    const double scale = scales[static_cast<size_t>(o)];
    for (int64_t k = 0; k < rows.row; ++k) {
      const double x = rows.weight(o, k) / scale;
      // An error of x counts in units of the layer's output.
      const double mass = rows.cost(o, k) * scale * scale;
      const double place = (x / out.most + 1.0) / 2.0 * static_cast<double>(kBins);
      const auto bin = static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(kBins - 1)));
      out.mass[bin] += mass, out.moment[bin] += mass * x;
    }
  }
  return out;
}

double bin_center(const Histogram& h, size_t bin) {
  return ((static_cast<double>(bin) + 0.5) / static_cast<double>(kBins) * 2.0 - 1.0) * h.most;
}

// Centers at equal shares of the cube root of the density, which is where the entries of a fine quantizer lie (Panter
// and Dite 1951).
Entries spread(const Histogram& h) {
  std::vector<double> root(kBins);
  constexpr size_t kSmooth = kBins / 128;
  for (size_t block = 0; block < kBins; block += kSmooth) {
    double sum = 0.0;
    for (size_t b = block; b < block + kSmooth; ++b) sum += h.mass[b];
    for (size_t b = block; b < block + kSmooth; ++b) root[b] = std::cbrt(sum);
  }
  const double total = std::accumulate(root.begin(), root.end(), 0.0);
  Entries out{};
  double seen = 0.0;
  size_t entry = 0;
  for (size_t b = 0; b < kBins && entry < kEntries; ++b) {
    seen += root[b];
    while (entry < kEntries && seen >= total * (static_cast<double>(entry) + 0.5) / kEntries)
      out[entry++] = bin_center(h, b);
  }
  while (entry < kEntries) out[entry++] = h.most;
  return out;
}

// Lloyd's algorithm on one axis: each entry to the mean of what is nearest to it, until nothing moves. `zero` is the
// entry that stays at 0.
void settle(const Histogram& h, Entries& entries, std::optional<size_t> zero) {
  for (int step = 0; step < kLloydSteps; ++step) {
    Entries mass{}, moment{};
    size_t entry = 0;
    for (size_t b = 0; b < kBins; ++b) {
      const double x = bin_center(h, b);
      while (entry + 1 < kEntries && x > (entries[entry] + entries[entry + 1]) / 2.0) ++entry;
      mass[entry] += h.mass[b], moment[entry] += h.moment[b];
    }
    double moved = 0.0;
    for (size_t e = 0; e < kEntries; ++e) {
      const double to = zero == e ? 0.0 : mass[e] > 0.0 ? moment[e] / mass[e] : entries[e];
      moved = std::max(moved, std::abs(to - entries[e]));
      entries[e] = to;
    }
    std::sort(entries.begin(), entries.end());
    if (moved < 1e-6 * h.most) return;
  }
}

size_t nearest(const Entries& entries, double value) {
  const auto above = std::lower_bound(entries.begin(), entries.end(), value);
  if (above == entries.begin()) return 0;
  const auto at = static_cast<size_t>(above - entries.begin());
  if (at == kEntries) return kEntries - 1;
  return value - entries[at - 1] <= entries[at] - value ? at - 1 : at;
}

// The scale with the least error for the entries that are nearest under the present one.
double best_scale(const Rows& rows, int64_t o, double scale, const Entries& entries) {
  double products = 0.0, squares = 0.0;
  for (int64_t k = 0; k < rows.row; ++k) {
    const double c = entries[nearest(entries, rows.weight(o, k) / scale)], h = rows.cost(o, k);
    products += h * rows.weight(o, k) * c, squares += h * c * c;
  }
  return squares > 0.0 && products > 0.0 ? products / squares : scale;
}

std::vector<double> first_scales(const Rows& rows) {
  std::vector<double> out;
  for (int64_t o = 0; o < rows.outputs; ++o) {
    double squares = 0.0;
    for (int64_t k = 0; k < rows.row; ++k) squares += rows.weight(o, k) * rows.weight(o, k);
    out.push_back(std::max(std::sqrt(squares / static_cast<double>(rows.row)), kLeastScale));
  }
  return out;
}

// -1, 0, 1 times the best scale of an output: the `count` weights of largest magnitude keep their signs. With sums over
// them of cost * |w| and cost, the error falls by (sum of cost * |w|)^2 / sum of cost.
struct Ternary {
  size_t count = 0;
  double scale = kLeastScale;
};

Ternary best_ternary(const Rows& rows, int64_t o, const std::vector<int64_t>& descending, bool all) {
  Ternary best;
  double products = 0.0, squares = 0.0, best_gain = -1.0;
  for (size_t n = 0; n < descending.size(); ++n) {
    const int64_t k = descending[n];
    products += rows.cost(o, k) * std::abs(rows.weight(o, k)), squares += rows.cost(o, k);
    if (!(squares > 0.0) || (all && n + 1 < descending.size())) continue;
    const double gain = products * products / squares;
    if (gain > best_gain) best = {n + 1, std::max(products / squares, kLeastScale)}, best_gain = gain;
  }
  if (best.count == 0) best.count = all ? descending.size() : 0;
  return best;
}

QuantizedWeights round_signs(const Rows& rows, int64_t inputs, int64_t kernel, bool all) {
  QuantizedWeights out = empty_weights(rows, inputs, kernel);
  out.codebook.assign(kEntries, 0);
  out.codebook[0] = -1, out.codebook[all ? 1 : 2] = 1;
  std::vector<int64_t> descending(static_cast<size_t>(rows.row));
  for (int64_t o = 0; o < rows.outputs; ++o) {
    std::iota(descending.begin(), descending.end(), int64_t{0});
    std::stable_sort(descending.begin(), descending.end(),
                     [&](int64_t a, int64_t b) { return std::abs(rows.weight(o, a)) > std::abs(rows.weight(o, b)); });
    const Ternary t = best_ternary(rows, o, descending, all);
    out.scales[static_cast<size_t>(o)] = static_cast<float>(t.scale);
    for (size_t n = 0; n < t.count; ++n) {
      const int64_t k = descending[n];
      out.values[static_cast<size_t>(o * rows.row + k)] = rows.weight(o, k) < 0.0 ? -1 : 1;
    }
  }
  return out;
}

}  // namespace

int8_t nearest_entry(std::span<const int8_t> codebook, double value) {
  int8_t best = codebook[0];
  for (int8_t entry : codebook) {
    if (std::abs(value - entry) < std::abs(value - best)) best = entry;
  }
  return best;
}

QuantizedWeights round_codebook(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                                int64_t groups, Importance importance) {
  const Rows rows{weights, outputs, inputs * kernel, groups, importance};
  QuantizedWeights out = empty_weights(rows, inputs, kernel);
  std::vector<double> scales = first_scales(rows);
  Entries entries{};
  const bool has_zeros = std::find(weights.begin(), weights.end(), 0.0f) != weights.end();
  std::optional<size_t> zero;
  for (int round = 0; round < kRounds; ++round) {
    const Histogram h = collect(rows, scales);
    if (round == 0) {
      entries = spread(h);
      if (has_zeros) {
        zero = nearest(entries, 0.0);
        entries[*zero] = 0.0;
      }
    }
    settle(h, entries, zero);
    for (int64_t o = 0; o < outputs; ++o) {
      double& scale = scales[static_cast<size_t>(o)];
      scale = std::max(best_scale(rows, o, scale, entries), kLeastScale);
    }
  }
  // To int8: the largest entry becomes 127.
  const double most = std::max({-entries.front(), entries.back(), 1e-30});
  Entries whole{};
  for (size_t e = 0; e < kEntries; ++e) {
    whole[e] = std::round(entries[e] / most * 127.0);
    out.codebook.push_back(static_cast<int8_t>(whole[e]));
  }
  for (int64_t o = 0; o < outputs; ++o) {
    double scale = scales[static_cast<size_t>(o)] * most / 127.0;
    scale = std::max(best_scale(rows, o, scale, whole), kLeastScale);
    out.scales[static_cast<size_t>(o)] = static_cast<float>(scale);
    const auto stored = static_cast<double>(out.scales[static_cast<size_t>(o)]);
    for (int64_t k = 0; k < rows.row; ++k) {
      out.values[static_cast<size_t>(o * rows.row + k)] = out.codebook[nearest(whole, rows.weight(o, k) / stored)];
    }
  }
  return out;
}

QuantizedWeights round_sign(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                            int64_t groups, Importance importance) {
  return round_signs({weights, outputs, inputs * kernel, groups, importance}, inputs, kernel, true);
}

QuantizedWeights round_ternary(std::span<const float> weights, int64_t outputs, int64_t inputs, int64_t kernel,
                               int64_t groups, Importance importance) {
  return round_signs({weights, outputs, inputs * kernel, groups, importance}, inputs, kernel, false);
}

QuantizedWeights round_shared(WeightFormat format, std::span<const float> weights, int64_t outputs, int64_t inputs,
                              int64_t kernel, int64_t groups, Importance importance) {
  const auto round = format == WeightFormat::ternary ? round_ternary
                     : format == WeightFormat::sign  ? round_sign
                                                     : round_codebook;
  return round(weights, outputs, inputs, kernel, groups, importance);
}

}  // namespace nibble::quantization

#include "converter/rounding/round_layer.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/weight_grid.h"
#include "converter/rounding/coordinate_descent.h"
#include "converter/rounding/nearest_plane.h"
#include "converter/rounding/scales.h"
#include "converter/statistics/gram.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::rounding {

const char* to_string(Method method) {
  switch (method) {
    case Method::nearest: return "nearest";
    case Method::gptq: return "gptq";
    case Method::cd: return "cd";
    case Method::hqq: return "hqq";
  }
  return "?";
}

Result<Method> parse_method(const std::string& text) {
  if (text == "nearest") return Method::nearest;
  if (text == "gptq") return Method::gptq;
  if (text == "cd") return Method::cd;
  if (text == "hqq") return Method::hqq;
  return Error{Code::invalid_argument, "rounding '" + text + "': expected nearest, gptq, cd or hqq"};
}

namespace {

// `keep_scale`: it came with the network, or with a codebook.
void round_row(const LeastSquares& problem, const PlaneFactor& factor, int64_t index, const Options& options,
               bool keep_scale, bool fixed_scale, WeightRow& row) {
  const std::span<const double> target(problem.optimum.data() + index * problem.width,
                                       static_cast<size_t>(problem.width));
  if (!keep_scale) choose_scales(problem, target, {.weighted = true, .clip = options.clip}, row);
  round_to_nearest(target, row);
  if (options.method == Method::nearest) return;
  const bool exact =
      options.method == Method::cd && problem.width <= kExactWidth && row.codebook.empty() && row.pruned.empty();
  if (!factor.lower.empty()) {
    // Rounding in order can end worse than rounding each to nearest, in rare small cases.
    WeightRow planned = row;
    round_nearest_plane(problem, factor, index, planned);
    if (excess(problem, index, planned.reals()) <= excess(problem, index, row.reals())) row = std::move(planned);
  }
  if (options.method != Method::cd) return;
  if (exact) search_exactly(problem, index, !fixed_scale, row);
  descend(problem, index, {.sweeps = options.sweeps, .least_gain = 1e-3, .move_scales = !fixed_scale}, row);
}

// Rows of a layer are rounded so many weights at once: what a problem holds of each takes 30 bytes. Another part of the
// rows costs another factorisation where there is one.
constexpr int64_t kMostWeightsAtOnce = int64_t{1} << 22, kMostWeightsWithPairs = int64_t{1} << 24;

void append(quantization::QuantizedWeights rows, quantization::QuantizedWeights& to) {
  if (to.outputs == 0) {
    to = std::move(rows);
    return;
  }
  to.outputs += rows.outputs;
  to.values.insert(to.values.end(), rows.values.begin(), rows.values.end());
  to.scales.insert(to.scales.end(), rows.scales.begin(), rows.scales.end());
  to.multipliers.insert(to.multipliers.end(), rows.multipliers.begin(), rows.multipliers.end());
}

// The mean of what should come out of an output, minus the mean of what the rounded weights w make.
float bias_change(const LayerWeights& layer, const statistics::LayerMoments& m, const Targets& targets, int64_t output,
                  std::span<const double> w) {
  const auto width = static_cast<int64_t>(w.size());
  const std::span<const double> sum = m.sum_of(output / (layer.outputs / layer.groups));
  double mean = 0.0;
  for (int64_t i = 0; i < width; ++i) {
    const double original =
        targets.sum.empty() ? static_cast<double>(layer.weights[static_cast<size_t>(output * width + i)]) : 0.0;
    mean += (original - w[static_cast<size_t>(i)]) * sum[static_cast<size_t>(i)];
  }
  if (!targets.sum.empty()) mean += targets.sum[static_cast<size_t>(output)];
  return static_cast<float>(mean / static_cast<double>(m.count));
}

struct RoundedRow {
  WeightRow weights;
  double relative_error = 0.0;
};

// Output o of the layer, which is row r of the problem. `sparse`: chooses the weights that become 0.
RoundedRow round_output(const LayerWeights& layer, const RowFormat& format, const LeastSquares& problem,
                        const PlaneFactor& factor, const PlaneFactor* sparse, int64_t o, int64_t r,
                        const Options& options) {
  const int64_t width = problem.width;
  WeightRow row = format.row();
  if (!layer.fixed_scales.empty()) {
    row.scale = static_cast<double>(layer.fixed_scales[layer.fixed_scales.size() == 1 ? 0 : static_cast<size_t>(o)]);
    row.low = -128;
  }
  if (layer.shared) row.scale = static_cast<double>(layer.shared->scales[static_cast<size_t>(o)]);
  if (sparse) row.pruned = choose_pruned(problem, *sparse, r, layer.kernel, layer.sparsity);
  if (!layer.pruned.empty())
    row.pruned.assign(&layer.pruned[static_cast<size_t>(o * width)],
                      &layer.pruned[static_cast<size_t>(o * width)] + width);
  // Weights that were rounded before are integers as they are: their error is 0, and what second order makes up for
  // elsewhere is worth less than that.
  const bool may_keep = !layer.shared && layer.group_size == 0 && layer.fixed_scales.empty() && row.pruned.empty();
  const std::span<const float> given =
      layer.weights.subspan(static_cast<size_t>(o * width), static_cast<size_t>(width));
  if (const double grid = may_keep ? quantization::grid_step(given) : 0.0; grid > 0.0) {
    row.scale = static_cast<double>(static_cast<float>(grid));
    round_to_nearest(std::vector<double>(given.begin(), given.end()), row);
  } else {
    round_row(problem, factor, r, options, layer.shared || !layer.fixed_scales.empty(), !layer.fixed_scales.empty(),
              row);
  }
  double energy = 0.0;
  for (int64_t i = 0; i < width; ++i)
    energy += problem.optimum[static_cast<size_t>(r * width + i)] * problem.linear[static_cast<size_t>(r * width + i)];
  const double error = energy > 0.0 ? excess(problem, r, row.reals()) / energy : 0.0;
  return {std::move(row), error};
}

}  // namespace

std::vector<float> corrected_bias(const LayerWeights& layer, const quantization::QuantizedWeights& weights,
                                  const statistics::LayerMoments& m, const Targets& targets) {
  std::vector<float> out = layer.bias;
  if (m.count == 0) return out;
  const std::vector<float> values = quantization::dequantize(weights);
  const std::vector<double> reals(values.begin(), values.end());
  const auto width = static_cast<size_t>(weights.row());
  for (size_t o = 0; o < out.size(); ++o)
    out[o] += bias_change(layer, m, targets, static_cast<int64_t>(o), std::span(reals).subspan(o * width, width));
  return out;
}

Result<LayerResult> round_layer(const LayerWeights& layer, const statistics::LayerMoments& m, const Targets& targets,
                                const Options& options) {
  NBL_TRY(std::vector<LayerResult> out, round_layer_each(layer, m, std::span(&targets, 1), options));
  return std::move(out.front());
}

Result<std::vector<LayerResult>> round_layer_each(const LayerWeights& layer, const statistics::LayerMoments& m,
                                                  std::span<const Targets> wanted, const Options& options) {
  const int64_t width = layer.inputs * layer.kernel, per_group = layer.outputs / layer.groups;
  RowFormat format = row_format(layer.inputs, layer.kernel, layer.group_size);
  if (layer.shared) format.codebook = layer.shared->codebook;
  const int64_t chunk = std::max<int64_t>((m.has_pairs() ? kMostWeightsWithPairs : kMostWeightsAtOnce) / width, 1);
  LayerResult empty;
  empty.layer.bias = layer.bias;
  const bool chooses = layer.pruned.empty() && layer.sparsity != SparsityPattern::dense;
  if (chooses || !layer.pruned.empty()) empty.pruned.resize(static_cast<size_t>(layer.outputs * width));
  std::vector<LayerResult> out(wanted.size(), empty);
  std::vector<std::vector<double>> errors(wanted.size(), std::vector<double>(static_cast<size_t>(layer.outputs), 0.0));
  for (int64_t first = 0, count = 0; first < layer.outputs; first += count) {
    const int64_t g = first / per_group;
    count = std::min(chunk, (g + 1) * per_group - first);
    const auto at = static_cast<size_t>(first), n = static_cast<size_t>(count), w = static_cast<size_t>(width);
    const GroupSums sums{count,        width,       static_cast<double>(m.count),
                         m.gram_of(g), m.sum_of(g), layer.weights.subspan(at * w, n * w)};
    std::vector<WantedSums> wanted_sums(wanted.size());
    for (size_t t = 0; t < wanted.size(); ++t) {
      if (wanted[t].cross.empty()) continue;
      wanted_sums[t] = {std::span(wanted[t].cross).subspan(at * w, n * w), std::span(wanted[t].sum).subspan(at, n)};
    }
    NBL_TRY(const std::vector<LeastSquares> problems,
            make_least_squares(sums, wanted_sums, options.damping, options.bias_correction));
    // Of H alone, which the problems share.
    const PlaneFactor sparse = chooses ? make_block_factor(problems[0], layer.inputs, layer.kernel) : PlaneFactor{};
    const PlaneFactor factor = options.method == Method::nearest ? PlaneFactor{} : make_plane_factor(problems[0]);
    for (size_t t = 0; t < wanted.size(); ++t) {
      std::vector<WeightRow> rows(n);
      statistics::parallel_for(count, width * count > 4096 ? options.threads : 1, [&](int64_t r) {
        RoundedRow row =
            round_output(layer, format, problems[t], factor, chooses ? &sparse : nullptr, first + r, r, options);
        std::copy(row.weights.pruned.begin(), row.weights.pruned.end(), out[t].pruned.begin() + (first + r) * width);
        errors[t][static_cast<size_t>(first + r)] = row.relative_error;
        if (options.bias_correction && m.count > 0) {
          out[t].layer.bias[static_cast<size_t>(first + r)] +=
              bias_change(layer, m, wanted[t], first + r, row.weights.reals());
        }
        rows[static_cast<size_t>(r)] = std::move(row.weights);
      });
      append(assemble(format, layer.inputs, layer.kernel, rows), out[t].layer.weights);
    }
  }
  for (size_t t = 0; t < out.size(); ++t) {
    for (double e : errors[t]) out[t].relative_error += e / static_cast<double>(layer.outputs);
  }
  return out;
}

}  // namespace nibble::rounding

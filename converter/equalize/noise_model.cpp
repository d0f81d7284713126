#include "converter/equalize/noise_model.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/weight_grid.h"
#include "ops/op.h"

namespace nibble::equalize {

Reader make_reader(const Graph& graph, const Node& node, std::vector<size_t> factor_index,
                   std::vector<ChannelRange> ranges) {
  Reader reader;
  const Shape& shape = graph.desc(node.inputs[conv_input::weights]).shape;
  const auto weights = graph.tensor(node.inputs[conv_input::weights]).constant->as<float>();
  int64_t groups = 1;
  if (const auto* conv = op_if<Conv2d>(node)) groups = conv->groups;
  if (const auto* conv = op_if<ConvTranspose2d>(node)) groups = conv->groups;
  reader.outputs = shape[0].value();
  const int64_t inputs = shape[1].value();
  reader.channels = inputs * groups;
  reader.kernel = static_cast<int64_t>(weights.size()) / (reader.outputs * inputs);
  reader.largest.assign(static_cast<size_t>(reader.channels * reader.outputs), 0.0);
  reader.total.assign(static_cast<size_t>(reader.channels), 0.0);
  const int64_t outputs_per_group = reader.outputs / groups;
  size_t next = 0;
  for (int64_t o = 0; o < reader.outputs; ++o) {
    for (int64_t i = 0; i < inputs; ++i) {
      const int64_t channel = o / outputs_per_group * inputs + i;
      const auto at = static_cast<size_t>(channel * reader.outputs + o);
      for (int64_t k = 0; k < reader.kernel; ++k) {
        const double w = std::abs(static_cast<double>(weights[next++]));
        reader.total[static_cast<size_t>(channel)] += w * w;
        reader.largest[at] = std::max(reader.largest[at], w);
      }
    }
  }
  const size_t row = weights.size() / static_cast<size_t>(reader.outputs);
  for (size_t o = 0; o < static_cast<size_t>(reader.outputs); ++o)
    reader.exact.push_back(quantization::grid_step(weights.subspan(o * row, row)) > 0.0);
  reader.at = std::move(factor_index);
  reader.ranges = std::move(ranges);
  return reader;
}

Reader make_norm_reader(std::vector<size_t> factor_index, std::vector<ChannelRange> ranges) {
  Reader reader;
  reader.outputs = 1;
  reader.channels = static_cast<int64_t>(ranges.size());
  reader.largest.assign(ranges.size(), 0.0);
  reader.exact.assign(1, true);
  for (const ChannelRange& r : ranges) reader.total.push_back(r.variance() > 0.0 ? 1.0 / r.variance() : 0.0);
  reader.at = std::move(factor_index);
  reader.ranges = std::move(ranges);
  return reader;
}

NoiseModel::NoiseModel(std::vector<Reader> readers, std::vector<ScaledTensor> tensors,
                       std::vector<size_t> tensor_of_reader, NoiseOptions options)
    : readers_(std::move(readers)),
      tensors_(std::move(tensors)),
      tensor_of_reader_(std::move(tensor_of_reader)),
      options_(options) {
  for (const Reader& r : readers_) {
    double energy = 0.0;
    for (size_t c = 0; c < r.total.size(); ++c) energy += r.total[c] * r.ranges[c].mean_square();
    energy_.push_back(std::max(energy, 1e-30));
  }
}

double NoiseModel::step_of(const ScaledTensor& tensor, std::span<const double> factors) const {
  double low = 0.0, high = 0.0;
  for (size_t c = 0; c < tensor.at.size(); ++c) {
    const double factor = factors[tensor.at[c]];
    low = std::min(low, static_cast<double>(tensor.ranges[c].low) / factor);
    high = std::max(high, static_cast<double>(tensor.ranges[c].high) / factor);
  }
  return (high - low) / 254.0;
}

double NoiseModel::weight_noise(const Reader& r, std::span<const double> factors) const {
  double noise = 0.0;
  const int64_t group = options_.weight_group > 0 ? options_.weight_group : r.channels;
  for (int64_t first = 0; first < r.channels; first += group) {
    const int64_t end = std::min(first + group, r.channels);
    for (int64_t o = 0; o < r.outputs; ++o) {
      double largest = 0.0, energy = 0.0, least_factor = 0.0, most_factor = 0.0;
      for (int64_t c = first; c < end; ++c) {
        const double w = r.largest[static_cast<size_t>(c * r.outputs + o)];
        if (w == 0.0) continue;
        const double factor = factors[r.at[static_cast<size_t>(c)]];
        largest = std::max(largest, w * factor);
        least_factor = most_factor == 0.0 ? factor : std::min(least_factor, factor);
        most_factor = std::max(most_factor, factor);
        energy += r.ranges[static_cast<size_t>(c)].mean_square() / (factor * factor);
      }
      if (options_.weight_levels >= 127.0 && r.exact[static_cast<size_t>(o)] && least_factor == most_factor) continue;
      const double step = largest / options_.weight_levels;
      noise += step * step / 12.0 * energy * static_cast<double>(r.kernel);
    }
  }
  return noise;
}

double NoiseModel::noise(std::span<const double> factors) const {
  std::vector<double> steps;
  for (const ScaledTensor& tensor : tensors_) steps.push_back(step_of(tensor, factors));
  double total = 0.0;
  for (size_t i = 0; i < readers_.size(); ++i) {
    const Reader& r = readers_[i];
    double noise = weight_noise(r, factors);
    if (options_.integer_activations) {
      for (size_t c = 0; c < r.total.size(); ++c) {
        const ChannelRange& range = r.ranges[c];
        const double step = steps[tensor_of_reader_[i]] * factors[r.at[c]];
        // Values far below a step are lost whole, and no more than that.
        noise += r.total[c] * std::min(step * step / 12.0 * range.nonzero_share(), range.mean_square());
      }
    }
    total += noise / energy_[i];
  }
  return total;
}

}  // namespace nibble::equalize

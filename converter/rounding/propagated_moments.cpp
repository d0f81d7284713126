#include "converter/rounding/propagated_moments.h"

#include <algorithm>

#include "converter/statistics/gram.h"
#include "converter/statistics/moments_collector.h"
#include "core/try.h"

namespace nibble::rounding {

PropagatedMoments::PropagatedMoments(std::string name, LayerWeights layer, int64_t positions, int threads)
    : name_(std::move(name)), layer_(std::move(layer)), positions_(positions), threads_(threads) {
  moments_ = statistics::make_layer_moments(layer_.inputs, layer_.kernel, layer_.groups);
  if (moments_.has_pairs()) targets_.cross.assign(static_cast<size_t>(layer_.outputs * moments_.row()), 0.0);
  targets_.sum.assign(static_cast<size_t>(layer_.outputs), 0.0);
  capacity_ = std::max(statistics::kGramRows, positions_);
  rows_.resize(static_cast<size_t>(layer_.groups * capacity_ * moments_.row()));
  wanted_.resize(static_cast<size_t>(capacity_ * layer_.outputs));
}

Status PropagatedMoments::bind(const Graph& bound, const Node& node) {
  NBL_TRY(reader_, statistics::PatchReader::make(bound, node));
  return {};
}

void PropagatedMoments::add(uint64_t number, const LayerSample& sample) {
  const std::vector<int64_t> positions =
      statistics::sampled_positions(reader_.positions(), positions_, statistics::position_seed(name_, number));
  const auto n = static_cast<int64_t>(positions.size());
  if (waiting_ + n > capacity_) flush();
  const int64_t row = moments_.row(), groups = layer_.groups, per_group = layer_.outputs / groups;
  std::vector<float> gathered(static_cast<size_t>(groups * n * row)), outputs(static_cast<size_t>(n * per_group));
  std::vector<float> skip, skip_quantized;
  if (!sample.skip_original.empty()) {
    skip.resize(static_cast<size_t>(n * layer_.outputs));
    skip_quantized.resize(skip.size());
    reader_.gather_outputs(sample.skip_original, positions, skip.data());
    reader_.gather_outputs(sample.skip_quantized, positions, skip_quantized.data());
  }
  reader_.gather(sample.original, positions, gathered.data());
  for (int64_t g = 0; g < groups; ++g) {
    const float* weights = layer_.weights.data() + g * per_group * row;
    float* to = wanted_.data() + (g * capacity_ + waiting_) * per_group;
    const float* from = gathered.data() + g * n * row;
    if (row * per_group < 64) {  // depthwise: a library call costs more
      for (int64_t p = 0; p < n; ++p) {
        for (int64_t o = 0; o < per_group; ++o) {
          float sum = 0.0f;
          for (int64_t i = 0; i < row; ++i) sum += from[p * row + i] * weights[o * row + i];
          to[p * per_group + o] = sum;
        }
      }
    } else {
      statistics::multiply_rows(from, weights, n, per_group, row, to, threads_);
    }
    if (skip.empty()) continue;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t o = 0; o < per_group; ++o) {
        const auto at = static_cast<size_t>(p * layer_.outputs + g * per_group + o);
        to[p * per_group + o] += skip[at] - skip_quantized[at];
      }
    }
  }
  reader_.gather(sample.quantized, positions, gathered.data());
  for (int64_t g = 0; g < groups; ++g)
    std::copy_n(gathered.data() + g * n * row, n * row, rows_.data() + (g * capacity_ + waiting_) * row);
  waiting_ += n;
  moments_.count += static_cast<uint64_t>(n);
  moments_.samples += 1;
}

void PropagatedMoments::flush() {
  const int64_t row = moments_.row(), groups = layer_.groups, per_group = layer_.outputs / groups;
  const int inner = groups == 1 ? threads_ : 1;
  statistics::parallel_for(groups, groups == 1 ? 1 : threads_, [&](int64_t g) {
    const float* x = rows_.data() + g * capacity_ * row;
    const float* t = wanted_.data() + g * capacity_ * per_group;
    statistics::add_rows(moments_, g, x, waiting_, inner);
    if (moments_.has_pairs())
      statistics::add_cross(t, x, waiting_, per_group, row, targets_.cross.data() + g * per_group * row, inner);
    statistics::add_sum(t, waiting_, per_group, targets_.sum.data() + g * per_group);
  });
  waiting_ = 0;
}

statistics::LayerMoments PropagatedMoments::take_moments() {
  flush();
  rows_ = {};
  wanted_ = {};
  return std::move(moments_);
}

}  // namespace nibble::rounding

#include "converter/rounding/shared_layers.h"

#include <algorithm>

#include "converter/statistics/gram.h"
#include "core/try.h"

namespace nibble::rounding {
namespace {

// sum of x xT becomes that of (x - mean) (x - mean)T.
void centre(statistics::LayerMoments& m) {
  if (m.count == 0) return;
  const int64_t row = m.row();
  for (int64_t g = 0; g < m.groups; ++g) {
    double* gram = m.gram.data() + g * m.gram_size();
    double* sum = m.sum.data() + g * row;
    const auto count = static_cast<double>(m.count);
    for (int64_t i = 0; i < row; ++i) {
      double* before = m.has_pairs() ? gram + statistics::triangle_row(i) : gram;  // of the diagonal, in its row
      for (int64_t j = 0; m.has_pairs() && j < i; ++j) before[j] -= sum[i] * sum[j] / count;
      before[i] = std::max(before[i] - sum[i] * sum[i] / count, 0.0);  // cancellation
    }
    std::fill_n(sum, row, 0.0);
  }
}

}  // namespace

void SharedLayers::add(LayerWeights layer, statistics::LayerMoments moments) {
  means_.push_back({moments.inputs, moments.kernel, moments.groups, moments.count, moments.samples, {}, moments.sum});
  layers_.push_back(std::move(layer));
  if (layers_.size() == 1) {
    sum_ = std::move(moments);
    return;
  }
  if (centred_) {
    if (layers_.size() == 2) centre(sum_);
    centre(moments);
  }
  // Sizes follow from the weights, which are equal.
  [[maybe_unused]] const Status same = sum_.merge(moments);
}

Result<std::vector<LayerResult>> SharedLayers::round(const Options& options) const {
  std::vector<LayerResult> out;
  NBL_TRY(LayerResult rounded, round_layer(layers_.front(), sum_, {}, options));
  if (layers_.size() > 1) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      LayerResult own{{rounded.layer.weights, layers_[i].bias}, rounded.relative_error, rounded.pruned};
      if (options.bias_correction) own.layer.bias = corrected_bias(layers_[i], rounded.layer.weights, means_[i], {});
      out.push_back(std::move(own));
    }
    return out;
  }
  out.push_back(std::move(rounded));
  return out;
}

}  // namespace nibble::rounding

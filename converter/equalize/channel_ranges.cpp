#include "converter/equalize/channel_ranges.h"

#include <algorithm>
#include <cmath>

namespace nibble::equalize {

ChannelRanges::ChannelRanges(const Graph& graph)
    : batch_(graph.tensors.size(), 1), channels_(graph.tensors.size(), 0), ranges_(graph.tensors.size()) {
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const TensorDesc& desc = graph.tensors[i].desc;
    if (desc.type != DType::f32 || desc.shape.size() < 2 || !desc.shape[1].is_const()) continue;
    channels_[i] = desc.shape[1].value();
    // A free batch counts as 1: calibration runs sample by sample.
    if (desc.shape[0].is_const()) batch_[i] = desc.shape[0].value();
  }
}

TensorObserver ChannelRanges::observer() {
  return [this](TensorId id, std::span<const float> values) { add(id, values); };
}

void ChannelRanges::add(TensorId id, std::span<const float> values) {
  const auto at = static_cast<size_t>(id);
  const int64_t channels = channels_[at], batch = batch_[at];
  if (channels <= 0 || batch <= 0 || values.size() % static_cast<size_t>(channels * batch) != 0) return;
  std::vector<ChannelRange>& ranges = ranges_[at];
  ranges.resize(static_cast<size_t>(channels));
  const size_t plane = values.size() / static_cast<size_t>(channels * batch);
  for (size_t i = 0; i < static_cast<size_t>(channels * batch); ++i) {
    ChannelRange& range = ranges[i % static_cast<size_t>(channels)];
    double sum = 0.0, squares = 0.0;
    for (float v : values.subspan(i * plane, plane)) {
      if (!std::isfinite(v)) continue;
      range.low = std::min(range.low, v);
      range.high = std::max(range.high, v);
      sum += static_cast<double>(v);
      squares += static_cast<double>(v) * static_cast<double>(v);
      range.nonzero += v != 0.0f ? 1 : 0;
    }
    range.sum += sum;
    range.sum_squares += squares;
    range.count += plane;
  }
}

}  // namespace nibble::equalize

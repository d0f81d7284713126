#include <algorithm>

#include "converter/compress/stages.h"
#include "converter/equalize/equalize.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

// Extremes of so many samples are enough to choose factors; the ranges themselves are found later, on all samples.
constexpr size_t kMostSamples = 32;

}  // namespace

Status equalize_channels(Compression& c) {
  c.unscaled = c.graph;
  c.equalized.clear();
  const auto weights = c.format.weights;
  const bool rounds = weights != quantization::WeightFormat::fp32 && weights != quantization::WeightFormat::fp16;
  if (!c.options.equalize || !rounds) return {};
  if (!c.samples || c.samples->size() == 0) {
    const auto scaled = [](const plan::RangePlan& r) { return r.tensor.ends_with(":equalized"); };
    if (!c.given || std::none_of(c.given->ranges.begin(), c.given->ranges.end(), scaled)) return {};
    return Error{Code::invalid_argument, "the plan equalises channels, which takes its samples: give --calibrate PATH"};
  }
  equalize::ChannelRanges ranges(c.graph);
  const size_t count = std::min(c.samples->size(), kMostSamples);
  SampleRuns runs(c.graph, *c.samples, c.make_executor);
  media::Progress progress("equalising", count);
  for (size_t i = 0; i < count; ++i) {
    NBL_CHECK(runs.run(i * c.samples->size() / count, ranges.observer()));
    progress.advance();
  }
  progress.finish();
  equalize::Options options;
  options.noise.integer_activations = c.integer_activations();
  options.classes.behind_functions = c.integer_activations();
  if (weights == quantization::WeightFormat::int4) {
    options.noise.weight_levels = 7.0;
    options.noise.weight_group = c.format.group_size;
  }
  // Sixteen entries, placed where the weights are: about int4 with one scale a row.
  if (quantization::has_codebook(weights)) options.noise.weight_levels = 7.0;
  NBL_TRY(c.equalized, equalize::equalize(c.graph, ranges, options));
  return {};
}

}  // namespace nibble::compress

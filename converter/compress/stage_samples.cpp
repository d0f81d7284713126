#include "converter/compress/stages.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

constexpr size_t kHoldOutEvery = 5, kFewestHeldOut = 2;

}  // namespace

Status open_samples(Compression& c) {
  if (!c.options.preprocess.empty()) {
    NBL_TRY(c.preprocessing, media::read_preprocessing(c.options.preprocess));
  }
  if (c.options.calibrate.empty()) return {};
  media::SampleOptions options{c.options.skip, c.options.samples, {}};
  for (TensorId id : c.graph.inputs) options.input_names.push_back(c.graph.desc(id).name);
  NBL_TRY(media::SampleSet set, media::open_samples(c.options.calibrate, options));
  if (!c.options.labels.empty() && c.options.labels != "folders") NBL_CHECK(set.set_labels(c.options.labels));
  if (!c.options.labels.empty() && !set.has_labels())
    return Error{Code::invalid_argument, "--labels folders: '" + c.options.calibrate + "' has no folder per class"};
  std::vector<size_t> used, held;
  for (size_t i = 0; i < set.size(); ++i)
    (c.options.hold_out && i % kHoldOutEvery == kHoldOutEvery - 1 ? held : used).push_back(i);
  if (c.options.hold_out && held.size() < kFewestHeldOut) {
    return Error{Code::invalid_argument,
                 format("%zu samples are too few to judge by: bounds need %zu or more, one in %zu is held out for that",
                        set.size(), kHoldOutEvery * kFewestHeldOut, kHoldOutEvery)};
  }
  const auto part = [&](const std::vector<size_t>& indices) {
    return std::make_shared<const CalibrationSamples>(CalibrationSamples{set.subset(indices), c.preprocessing});
  };
  if (c.options.hold_out) c.held_out = part(held);
  c.samples = part(used);
  return {};
}

}  // namespace nibble::compress

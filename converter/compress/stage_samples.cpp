#include "converter/compress/stages.h"
#include "core/try.h"

namespace nibble::compress {

Status open_samples(Compression& c) {
  if (!c.options.preprocess.empty()) {
    NBL_TRY(c.preprocessing, media::read_preprocessing(c.options.preprocess));
  }
  if (c.options.calibrate.empty()) return {};
  media::SampleOptions options{c.options.skip, c.options.samples, {}};
  for (TensorId id : c.graph.inputs) options.input_names.push_back(c.graph.desc(id).name);
  NBL_TRY(media::SampleSet set, media::open_samples(c.options.calibrate, options));
  c.samples = std::make_shared<const CalibrationSamples>(CalibrationSamples{std::move(set), c.preprocessing});
  return {};
}

}  // namespace nibble::compress

#include "converter/compress/stages.h"
#include "core/try.h"

namespace nibble::compress {

Status find_ranges(Compression& c) {
  if (!c.integer_activations()) return {};
  if (c.given) return repeat_ranges(c);
  if (!c.samples) {
    if (quantization::has_own_scales(c.graph)) return {};
    return Error{Code::invalid_argument,
                 "int8 activations need samples: give --calibrate PATH, or --activations float"};
  }
  calibrate::Calibrator calibrator(c.graph);
  NBL_CHECK(observe_samples(c.graph, *c.samples, c.make_executor, calibrator.observer(), "calibrating"));
  NBL_TRY(c.ranges, calibrator.ranges(c.options.ranges));
  return {};
}

}  // namespace nibble::compress

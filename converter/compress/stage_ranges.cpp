#include <algorithm>

#include "converter/calibrate/output_error.h"
#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

// Every candidate range is tried on so many samples: each costs a run of the network's readers.
constexpr size_t kJudgedSamples = 8;

Status choose_ranges(Compression& c, const calibrate::Calibrator& calibrator) {
  NBL_TRY(const std::vector<calibrate::Candidate> candidates, calibrate::candidates(calibrator));
  const size_t count = std::min(c.samples->size(), kJudgedSamples);
  calibrate::RangeErrors all;
  media::Progress progress("choosing ranges", count);
  for (size_t i = 0; i < count; ++i) {
    const size_t sample = i * c.samples->size() / count;
    NBL_TRY(const DimBindings dims, dims_of_sample(c.graph, c.samples->set, sample, c.preprocessing));
    NBL_TRY(const Graph bound, bind_dims(c.graph, dims));
    NBL_TRY(const std::unique_ptr<Executor> executor, make_cpu_executor(bound));
    NBL_TRY(std::vector<reference::FloatValue> values, sample_inputs(bound, c.samples->set, sample, c.preprocessing));
    NBL_TRY(calibrate::OutputErrors errors, calibrate::OutputErrors::prepare(bound, candidates));
    errors.next_sample();
    NBL_CHECK(executor->run(std::move(values), errors.observer()));
    NBL_CHECK(errors.status());
    calibrate::add(all, errors.errors());
    progress.advance();
  }
  progress.finish();
  for (const auto& [id, chosen] : calibrate::choose(candidates, all)) {
    c.ranges[id] = chosen.range;
    c.range_methods[id] = chosen.method;
  }
  return {};
}

}  // namespace

Status find_ranges(Compression& c) {
  if (!c.integer_activations()) return {};
  if (c.given) return repeat_ranges(c);
  if (!c.samples || c.samples->size() == 0) {
    if (quantization::has_own_scales(c.graph)) return {};
    return Error{Code::invalid_argument,
                 "int8 activations need samples: give --calibrate PATH, or --activations float"};
  }
  calibrate::Calibrator calibrator(c.graph);
  NBL_CHECK(observe_samples(c.graph, *c.samples, c.make_executor, calibrator.observer(), "calibrating"));
  c.ranges.clear();
  c.range_methods.clear();
  if (c.options.ranges.method == calibrate::Method::automatic) return choose_ranges(c, calibrator);
  NBL_TRY(c.ranges, calibrator.ranges(c.options.ranges));
  return {};
}

}  // namespace nibble::compress

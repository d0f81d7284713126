#include "converter/compress/samples.h"

#include "converter/data/network_inputs.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {

Result<const Graph*> SampleRuns::bind(size_t i) {
  NBL_TRY(const DimBindings dims, dims_of_sample(graph_, samples_.set, i, samples_.preprocessing));
  if (!executor_ || dims != dims_) {
    NBL_TRY(const Graph bound, bind_dims(graph_, dims));
    NBL_TRY(executor_, factory_(bound));
    dims_ = dims;
  }
  return &executor_->graph();
}

Result<std::vector<reference::FloatValue>> SampleRuns::run(size_t i, const TensorObserver& observer) {
  NBL_CHECK(bind(i));
  NBL_TRY(std::vector<reference::FloatValue> inputs,
          sample_inputs(executor_->graph(), samples_.set, i, samples_.preprocessing));
  return executor_->run(std::move(inputs), observer);
}

Status observe_samples(const Graph& graph, const CalibrationSamples& samples, const ExecutorFactory& factory,
                       const TensorObserver& observer, const char* task) {
  SampleRuns runs(graph, samples, factory);
  media::Progress progress(task, samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    NBL_CHECK(runs.run(i, observer));
    progress.advance();
  }
  progress.finish();
  return {};
}

}  // namespace nibble::compress

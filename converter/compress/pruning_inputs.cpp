#include "converter/compress/pruning_inputs.h"

#include "converter/data/network_inputs.h"

namespace nibble::compress {

prune::SampleInputs pruning_inputs(const CalibrationSamples& samples) {
  prune::SampleInputs out;
  out.count = samples.size();
  out.dims = [&samples](const Graph& graph, size_t i) {
    return dims_of_sample(graph, samples.set, i, samples.preprocessing);
  };
  out.inputs = [&samples](const Graph& bound, size_t i) {
    return sample_inputs(bound, samples.set, i, samples.preprocessing);
  };
  return out;
}

}  // namespace nibble::compress

// The given samples as pruning asks for them.
#pragma once

#include "converter/compress/samples.h"
#include "converter/prune/sample_inputs.h"

namespace nibble::compress {

// `samples` must outlive it.
prune::SampleInputs pruning_inputs(const CalibrationSamples& samples);

}  // namespace nibble::compress

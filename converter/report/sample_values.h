// The same sample for two networks.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "media/preprocess.h"
#include "media/samples.h"
#include "reference/value.h"

namespace nibble::report {

// What both networks' free dimensions become, and the sample's values in the order of their inputs.
struct SampleValues {
  DimBindings reference_dims, stored_dims;
  std::vector<reference::FloatValue>
      values;  // named and shaped as the reference's inputs; float where one side is float
};

// A free dimension of one network takes the number that the other has in its place; what is free in both comes from the
// sample. Errors: inputs that are not the same in number, rank or size.
Result<SampleValues> sample_values(const Graph& reference, const Graph& stored, const media::SampleSet& samples,
                                   size_t i, const media::Preprocessing& preprocessing);

}  // namespace nibble::report

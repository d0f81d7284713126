// Models made in memory, for tests and for the converter's comparisons; and what a Model refers to.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/model.h"
#include "runtime/weights.h"

namespace nibble {

struct ModelState {
  Graph graph;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string> free_dims;
  mutable WeightCache weights;  // locks for itself
};

// Checks the graph (see verify) and makes it a model.
Result<Model> make_model(Graph graph);

// A tensor as the application sees it: free dimensions as text, sizes under the bindings.
TensorInfo tensor_info(const TensorDesc& desc, const DimBindings& bindings);

}  // namespace nibble

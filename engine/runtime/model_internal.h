// Models made in memory, for tests and for the converter's comparisons; and what a Model refers to.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "nibble/model.h"
#include "runtime/weights.h"

namespace nibble {

struct ModelState {
  explicit ModelState(WeightMemory memory) : weights(std::move(memory)) {}

  Graph graph;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string> free_dims;
  mutable WeightCache weights;  // locks for itself
};

// Checks the graph (see verify) and makes it a model. `memory`: where its constants lie, if they came from a file.
Result<Model> make_model(Graph graph, WeightMemory memory = {});

// A tensor as the application sees it: free dimensions as text, sizes under the bindings.
TensorInfo tensor_info(const TensorDesc& desc, const DimBindings& bindings);

}  // namespace nibble

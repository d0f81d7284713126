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
  explicit ModelState(std::shared_ptr<const MappedFile> file) : weights(std::move(file)) {}

  Graph graph;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string> free_dims;
  mutable WeightCache weights;  // locks for itself
};

// Checks the graph (see verify) and makes it a model. `file`: where its constants lie, if not in memory.
Result<Model> make_model(Graph graph, std::shared_ptr<const MappedFile> file = nullptr);

// A tensor as the application sees it: free dimensions as text, sizes under the bindings.
TensorInfo tensor_info(const TensorDesc& desc, const DimBindings& bindings);

}  // namespace nibble

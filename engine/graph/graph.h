// The network as nibble sees it: tensors, nodes in an order in which they can run, inputs, outputs, metadata.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/tensor_desc.h"
#include "nibble/result.h"

namespace nibble {

struct Op;  // ops/op.h: a closed variant of all operators

using TensorId = int32_t;
using NodeId = int32_t;
inline constexpr TensorId kNoTensor = -1;  // an optional input that is absent

struct Tensor {
  TensorDesc desc;
  std::optional<ConstantData> constant;  // empty for what is computed or fed
  bool is_constant() const { return constant.has_value(); }
};

struct Node {
  std::string name;
  std::shared_ptr<const Op> op;  // immutable and shared; a pass replaces it
  std::vector<TensorId> inputs;  // kNoTensor where an optional input is absent
  std::vector<TensorId> outputs;
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // topologically ordered
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
  std::map<std::string, std::string> metadata;  // META section of the file

  TensorId add_tensor(TensorDesc desc);
  TensorId add_constant(TensorDesc desc, ConstantData data);
  const Tensor& tensor(TensorId id) const { return tensors[static_cast<size_t>(id)]; }
  Tensor& tensor(TensorId id) { return tensors[static_cast<size_t>(id)]; }
  const TensorDesc& desc(TensorId id) const { return tensors[static_cast<size_t>(id)].desc; }
  TensorDesc& desc(TensorId id) { return tensors[static_cast<size_t>(id)].desc; }

  // Appends a node after inferring its outputs; the new tensors get `name`, or `name:1`, ... for further outputs.
  // `declared` gives type and quantization of outputs where the operator leaves the choice (integer arithmetic).
  Result<NodeId> add_node(std::string name, Op op, std::vector<TensorId> inputs, std::vector<TensorDesc> declared = {});
};

// Readers of each tensor, by node index, in order; graph outputs are not counted.
std::vector<std::vector<NodeId>> consumers(const Graph& graph);
// The node that writes each tensor, or -1.
std::vector<NodeId> producers(const Graph& graph);

// Infers every node again in order and writes shapes, types and quantization to the output tensors.
// Used after a pass has changed attributes, and to bind dimensions.
Status reinfer(Graph& graph);

// A copy with free dimensions replaced (1 where not bound) and everything inferred again. Constants are shared.
Result<Graph> bind_dims(const Graph& graph, const DimBindings& bindings);

// Names of free dimensions, sorted.
std::vector<std::string> free_dims(const Graph& graph);

// Checks what every graph must hold: ids in range, each tensor written once and before it is read, inferred shapes
// equal to the stored ones, sizes of constants, outputs reachable.
Status verify(const Graph& graph);

// Removes nodes whose results nobody reads, and tensors that nothing refers to (ids change).
void remove_dead(Graph& graph);

// Puts nodes in topological order. An error names a node on a cycle.
Status sort_nodes(Graph& graph);

// One line per tensor and node, for --dump-after and tests.
std::string dump_text(const Graph& graph);

}  // namespace nibble

// One pass over a graph that writes ONNX nodes: the parts that export.cpp, layers.cpp and operators.cpp share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "converter/export/export.h"
#include "converter/export/model_builder.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::onnx_export {

inline constexpr int64_t kOpset = 17;  // LayerNormalization; everything else is in 14

class Exporter {
 public:
  Exporter(const Graph& graph, const Options& options)
      : graph_(graph), options_(options), model_(kOpset), forms_(graph.tensors.size()) {}
  Result<Exported> run();
  // The same without constants and without bytes.
  Status check();

 private:
  Status write_graph();
  // The names that a tensor has in ONNX.
  struct Forms {
    std::string real;    // as float (or as the integers of an index)
    std::string stored;  // as int8, uint8 or float16
    std::string scale, zero_point;
  };
  Forms& forms(TensorId id) { return forms_[static_cast<size_t>(id)]; }

  // The tensor as numbers to compute with; makes the DequantizeLinear or Cast on first use.
  Result<std::string> real(TensorId id);
  Result<std::vector<std::string>> real_inputs(const Node& node);
  void add_constant(TensorId id);
  // Writes the node that reads a stored form into `to`.
  std::string read_stored(TensorId id, const std::string& to);
  void add_scale(TensorId id);
  // What `y` of a node becomes: y itself, a Cast, or a QuantizeLinear behind the bounds of `clamp` (null: none).
  void store(TensorId id, const std::string& y, const ClampRange* clamp);
  // The name that a node's float result should have: the tensor's own where it is stored as such.
  std::string result_name(TensorId id);

  Status export_inputs();
  Status export_node(const Node& node);
  Status export_outputs();
  Status convert(const Node& node, const Convert& op);
  Status table(const Node& node, const Unary& op);
  Status pixels_in(const Node& node);
  Status pixels_out(const Node& node);
  // The function that a table of 256 entries a row was made of, written as float nodes; nothing where it is not known.
  Result<std::optional<std::string>> table_function(const Node& node, const Unary& op, const std::string& y);
  Status gather_table(const Node& node);

  // Layers with weights (layers.cpp).
  Status layer(const Node& node);
  Result<std::string> layer_weights(const Node& node, bool transposed);
  Result<std::string> layer_bias(const Node& node);

  // Operators on floats (operators.cpp); `y` is the name of the result.
  Status operation(const Node& node, const std::vector<std::string>& x, const std::string& y);
  std::string unary(UnaryKind kind, float a, float b, const std::string& x, const std::string& y,
                    const std::string& name);
  std::string binary(BinaryKind kind, const std::string& a, const std::string& b, const std::string& y,
                     const std::string& name);
  // Applies a fused activation: `make` gets the name for the result before it.
  template <class F>
  Status activated(const Activation& activation, const std::string& y, const std::string& name, F&& make) {
    if (activation.kind == UnaryKind::identity) return make(y);
    const std::string before = model_.unique(y + ":before_activation");
    NBL_CHECK(make(before));
    unary(activation.kind, activation.a, activation.b, before, y, name + ":activation");
    return {};
  }
#define NBL_OP(id, type) \
  Status write(const type& op, const Node& node, const std::vector<std::string>& x, const std::string& y);
#include "ops/ops.inc"
#undef NBL_OP
  // A shape as Reshape takes it: 0 for a free dimension in the same place as before, -1 for one other.
  Result<std::string> shape_constant(const Node& node, const Shape& wanted, const Shape& from, const std::string& y);

  std::string integers(const std::string& wish, const std::vector<int64_t>& values) {
    return model_.constant<int64_t>(wish, {static_cast<int64_t>(values.size())}, values);
  }
  const TensorDesc& in(const Node& node, size_t i) const { return graph_.desc(node.inputs[i]); }

  const Graph& graph_;
  const Options& options_;
  ModelBuilder model_;
  std::vector<Forms> forms_;
  std::vector<std::string> own_names_;  // by tensor: what it is called in ONNX as it is stored
  Exported out_;
};

// ONNX element type of what a tensor stores.
ElementType element_type(DType type);

}  // namespace nibble::onnx_export

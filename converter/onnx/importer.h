// Translates ONNX nodes to nibble's operators, one import function an ONNX operator (operators.inc).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "converter/onnx/cut.h"
#include "converter/onnx/read.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace nibble::onnx_import {

// Scales of DynamicQuantizeLinear that a tensor is off by: ONNX's values are those kept here times each scale to the
// power given, by the tensor that was quantized. 0 marks a zero point. Empty: ONNX's own values (dynamic.cpp).
using Units = std::map<TensorId, int>;

// What an ONNX name stands for.
struct Value {
  TensorId id = kNoTensor;  // its tensor in the graph; absent for shape arithmetic and failed nodes
  DType type = DType::f32;
  Shape shape;
  std::optional<std::vector<Dim>> ints;  // contents of an integer or boolean tensor where known, row-major
  bool failed = false;                   // the node that makes it could not be imported; readers are passed over
  Units units;
};

// Something that stands in the way of a conversion.
struct Obstacle {
  std::string node;  // name of the ONNX node
  std::string operator_type;
  std::string message;
};

class Importer;

// One ONNX node as its import function sees it. Reading an attribute marks it as handled; those nobody read are
// refused afterwards, so that nothing is ever ignored.
class NodeContext {
 public:
  NodeContext(Importer& importer, const ::onnx::NodeProto& node, int64_t opset);

  const std::string& type() const;
  const std::string& name() const { return name_; }
  int64_t opset() const { return opset_; }

  size_t inputs() const;
  size_t outputs() const;
  bool has(size_t i) const;
  bool names(const std::string& name) const;  // whether the network has that name already
  bool wants_output(size_t i) const;          // named and read by somebody or a graph output
  const Value& value(size_t i) const;
  const Shape& shape(size_t i) const { return value(i).shape; }
  // A name of what an input keeps, as floats in ONNX's own units.
  Status alias(size_t i, const std::string& name);
  void set_units(size_t output, const Units& units);
  // Counts elements of memory that a small file makes large; false where that is too much.
  bool grow(uint64_t elements);
  // Floats that a constant has been dequantized to before with the same numbers, or a place to keep them.
  TensorId& dequantized(TensorId stored, const std::vector<float>& scales, const std::vector<int64_t>& zero_points,
                        int64_t axis, DType type);
  bool first_copy(TensorId constant);  // and remembers that it has been copied
  size_t rank(size_t i) const { return shape(i).size(); }

  // The input as a tensor of the graph (shape arithmetic becomes a constant).
  Result<TensorId> tensor(size_t i);
  // Contents that must be known now.
  Result<std::vector<Dim>> dims(size_t i) const;
  Result<std::vector<int64_t>> ints(size_t i) const;
  Result<std::vector<float>> floats(size_t i) const;
  bool is_constant(size_t i) const;

  bool has_attribute(const char* name) const;
  Result<int64_t> integer(const char* name, int64_t otherwise);
  Result<float> real(const char* name, float otherwise);
  Result<std::string> text(const char* name, const std::string& otherwise);
  Result<std::vector<int64_t>> integers(const char* name, std::vector<int64_t> otherwise);
  Result<std::vector<float>> reals(const char* name, std::vector<float> otherwise);
  const ::onnx::AttributeProto* attribute(const char* name);
  // An attribute that changes nothing in inference.
  void ignore(const char* name) { handled_.insert(name); }
  // axis in -rank..rank-1 made non-negative.
  Result<int64_t> axis(const char* name, int64_t otherwise, size_t rank);

  // Adds a node and gives its first output; folds it at once when all inputs are constants.
  Result<TensorId> emit(Op op, std::vector<TensorId> inputs, std::vector<TensorDesc> declared = {});
  Result<TensorId> constant(const Shape& shape, const std::vector<float>& values);
  const TensorDesc& desc(TensorId id) const;
  const Graph& graph() const;  // what has been imported so far
  Tensor& graph_tensor(TensorId id);
  // Scale and zero point of bytes that came without, of what they are a view of and of other views of that. False, and
  // nothing is given, where they come from something else that computes on bytes without a scale.
  bool give_quantization(TensorId id, const Quant& quant);
  // The same tensor with another shape.
  Result<TensorId> reshape(TensorId id, Shape shape);

  Result<TensorId> constant(Constant constant);  // of any type
  Status set(size_t output, TensorId id);
  // The same for a tensor that ONNX knows as another type than the graph does (uint8 kept as int8).
  Status set(size_t output, TensorId id, DType onnx_type);
  Status set_ints(size_t output, Shape shape, std::vector<Dim> values, DType type = DType::i64);
  // Every way to set an output ends here: what is held of known integers in all is bounded.
  Status set_value(size_t output, Value value);
  // Imports other nodes, which make its outputs. What stands in the way of one of them is an obstacle of this node.
  Status import_in_place(const std::vector<::onnx::NodeProto>& nodes);

  Error fail(const std::string& message) const;
  Error unsupported(const std::string& message) const;
  Status check_all_attributes_handled() const;
  // Where external data of this node's attributes lies.
  const std::string& folder() const;
  const ::onnx::NodeProto& proto() const { return node_; }

 private:
  Importer& importer_;
  const ::onnx::NodeProto& node_;
  int64_t opset_;
  std::string name_;
  int emitted_ = 0;
  std::set<std::string> handled_;
};

// Integer tensors with more elements are data, not shapes: their contents are not looked at.
inline constexpr size_t kMaxKnown = 1 << 16;
// Contents of a small integer or boolean constant.
std::optional<std::vector<Dim>> known_integers(const Tensor& tensor);

using ImportFunction = Status (*)(NodeContext&);
// The import function of an operator of a domain ("" is ai.onnx), or null.
ImportFunction find_import_function(const std::string& domain, const std::string& operator_type);
std::vector<std::string> supported_operators(const std::string& domain);
inline constexpr const char* kMicrosoft = "com.microsoft";  // the domain of ONNX Runtime's own operators

// Operators that give the elements of their first input, in another place or shape.
bool only_moves(const std::string& operator_type);
// The units of a node's results; an error where it may not read inputs that have units.
Result<Units> result_units(const NodeContext& node);
// The integers of DynamicQuantizeLinear, which are the floats that it was given.
bool is_dynamic(const NodeContext& node, size_t input);

// Computes a node on known integers, symbolically where need be; false when it is not of that kind.
Result<bool> fold_integers(NodeContext& node);
// The integers of a constant int8, uint8 or int64 input.
Result<std::vector<int64_t>> quantized_values(NodeContext& node, size_t input);
// Evaluates a node whose inputs are all constants.
double folding_work(const Graph& graph, const Node& node);
Result<std::vector<Tensor>> fold_constants(const Graph& graph, const Node& node);

class Importer {
 public:
  // `fixed` gives numbers to free dimensions of the inputs, by name. `untaken`: branches that an importer before this
  // one found not to be taken.
  explicit Importer(const Model& model, DimBindings fixed = {}, Branches untaken = {})
      : model_(model), fixed_(std::move(fixed)), untaken_(std::move(untaken)) {}

  // All that stands in the way, in node order; empty when `graph()` is whole.
  std::vector<Obstacle> run();
  Graph take_graph() { return std::move(graph_); }
  // Names of free dimensions that the inputs have in the file.
  const std::set<std::string>& free_names() const { return free_names_; }
  const Branches& untaken() const { return untaken_; }

 private:
  friend class NodeContext;
  void count_readers(const ::onnx::GraphProto& graph, int depth);
  void import_initializers(const ::onnx::GraphProto& graph);
  Status import_branch(NodeContext& node);
  void import_inputs(const ::onnx::GraphProto& graph);
  void import_node(const ::onnx::NodeProto& node);
  void import_outputs(const ::onnx::GraphProto& graph);
  Result<TensorId> import_output(const std::string& name, const std::set<TensorId>& taken);
  void obstacle(std::string node, std::string type, std::string message) {
    obstacles_.push_back({std::move(node), std::move(type), std::move(message)});
  }

  const Model& model_;
  DimBindings fixed_;
  Graph graph_;
  std::map<std::string, Value> values_;
  Branches untaken_;
  std::map<std::string, int> readers_;  // of the nodes that are needed
  std::set<std::string> free_names_;
  std::vector<Obstacle> obstacles_;
  int depth_ = 0;  // of branches
  std::map<std::tuple<TensorId, std::vector<float>, std::vector<int64_t>, int64_t, DType>, TensorId> dequantized_;
  std::set<TensorId> copied_;  // constants that something of their own size was folded from
  uint64_t grown_ = 0;         // elements that folding has made beyond those it was given
  double worked_ = 0;          // multiply-adds or moves that folding has taken
};

}  // namespace nibble::onnx_import

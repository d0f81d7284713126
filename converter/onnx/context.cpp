// NodeContext: typed access to inputs and attributes of one ONNX node.
#include <onnx/onnx_pb.h>

#include <algorithm>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

using A = ::onnx::AttributeProto;

const Value kAbsent;
constexpr uint64_t kMaxGrowth = uint64_t{1} << 25;  // elements
constexpr double kMaxWork = 1e10;                   // multiply-adds: less than a minute
constexpr uint64_t kIntegerGrowth = 16;             // elements that an expression takes as much memory as

// Operators that give the elements of their first input, in another place or shape.
constexpr const char* kMoves[] = {"Concat",   "DepthToSpace", "Dropout",   "Expand",   "Flatten",      "Gather",
                                  "Identity", "Pad",          "Reshape",   "Slice",    "SpaceToDepth", "Split",
                                  "Squeeze",  "Tile",         "Transpose", "Unsqueeze"};

bool is_view(const Node& node) { return op_if<Transpose>(node) || op_if<Reshape>(node) || op_if<Slice>(node); }

// Scales that came with constant weights follow them through a new order or shape; other arithmetic makes them void.
Quant moved_quant(const TensorDesc& x, const Node& node, const Shape& shape) {
  const auto* transpose = op_if<Transpose>(node);
  if (x.quant.kind == Quant::Kind::none || (!transpose && !op_if<Reshape>(node))) return {};
  Quant quant = x.quant;
  if (quant.kind != Quant::Kind::per_channel) return quant;
  if (transpose) {
    const auto found = std::find(transpose->perm.begin(), transpose->perm.end(), quant.axis);
    quant.axis = static_cast<int32_t>(found - transpose->perm.begin());
    return quant;
  }
  // The axis that has the same size and as many elements before it.
  const auto before = [](const Shape& s, size_t axis) {
    return elements(Shape(s.begin(), s.begin() + static_cast<long>(axis)));
  };
  const auto axis = static_cast<size_t>(quant.axis);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!(shape[i] == x.shape[axis]) || !(before(shape, i) == before(x.shape, axis))) continue;
    quant.axis = static_cast<int32_t>(i);
    return quant;
  }
  return {};
}

uint64_t element_count(const Shape& shape) {
  const Dim count = elements(shape);
  return count.is_const() ? static_cast<uint64_t>(std::max<int64_t>(count.value(), 0)) : uint64_t{1} << 62;
}

}  // namespace

bool only_moves(const std::string& type) {
  return std::any_of(std::begin(kMoves), std::end(kMoves), [&](const char* name) { return type == name; });
}

std::optional<std::vector<Dim>> known_integers(const Tensor& tensor) {
  if (!tensor.is_constant() || tensor.constant->bytes.size() / bytes_per_element(tensor.desc.type) > kMaxKnown)
    return std::nullopt;
  std::vector<Dim> out;
  if (tensor.desc.type == DType::i64) {
    for (int64_t v : tensor.constant->as<int64_t>()) out.push_back(v);
  } else if (tensor.desc.type == DType::boolean) {
    for (uint8_t v : tensor.constant->as<uint8_t>()) out.push_back(v);
  } else {
    return std::nullopt;
  }
  return out;
}

NodeContext::NodeContext(Importer& importer, const ::onnx::NodeProto& node, int64_t opset)
    : importer_(importer), node_(node), opset_(opset), name_(node.name()) {
  if (name_.empty()) {
    for (const std::string& output : node.output()) {
      if (name_.empty()) name_ = output;
    }
  }
}

const std::string& NodeContext::type() const { return node_.op_type(); }
size_t NodeContext::inputs() const { return static_cast<size_t>(node_.input_size()); }
size_t NodeContext::outputs() const { return static_cast<size_t>(node_.output_size()); }

bool NodeContext::has(size_t i) const { return i < inputs() && !node_.input(static_cast<int>(i)).empty(); }

bool NodeContext::names(const std::string& name) const {
  return importer_.values_.contains(name) || importer_.readers_.contains(name);
}

Status NodeContext::alias(size_t i, const std::string& name) {
  NBL_TRY(const TensorId id, tensor(i));
  Value plain;
  plain.id = id;
  plain.type = desc(id).type;
  plain.shape = desc(id).shape;
  importer_.values_[name] = std::move(plain);
  return {};
}

void NodeContext::set_units(size_t output, const Units& units) {
  if (output >= outputs() || node_.output(static_cast<int>(output)).empty()) return;
  importer_.values_[node_.output(static_cast<int>(output))].units = units;
}

bool NodeContext::grow(uint64_t elements) {
  if (elements > kMaxGrowth - importer_.grown_) return false;
  importer_.grown_ += elements;
  return true;
}

TensorId& NodeContext::dequantized(TensorId stored, const std::vector<float>& scales,
                                   const std::vector<int64_t>& zero_points, int64_t axis, DType type) {
  return importer_.dequantized_.try_emplace({stored, scales, zero_points, axis, type}, kNoTensor).first->second;
}

bool NodeContext::first_copy(TensorId constant) { return importer_.copied_.insert(constant).second; }

bool NodeContext::wants_output(size_t i) const {
  if (i >= outputs()) return false;
  const auto found = importer_.readers_.find(node_.output(static_cast<int>(i)));
  return found != importer_.readers_.end() && found->second > 0;
}

const Value& NodeContext::value(size_t i) const {
  if (!has(i)) return kAbsent;
  const auto found = importer_.values_.find(node_.input(static_cast<int>(i)));
  return found == importer_.values_.end() ? kAbsent : found->second;
}

Result<TensorId> NodeContext::tensor(size_t i) {
  if (!has(i)) return fail(format("input %zu is missing", i));
  Value& value = importer_.values_[node_.input(static_cast<int>(i))];
  if (value.id != kNoTensor) return value.id;
  if (!value.ints) return fail(format("input %zu has no value", i));
  std::vector<int64_t> numbers;
  for (const Dim& d : *value.ints) {
    if (!d.is_const())
      return unsupported(
          format("input %zu depends on the free dimension %s at run time; --dim fixes it", i, d.to_string().c_str()));
    numbers.push_back(d.value());
  }
  TensorDesc desc{"", value.type, value.shape, {}, Packing::plain};
  if (value.type == DType::i64) {
    value.id = importer_.graph_.add_constant(std::move(desc), ConstantData::of(numbers));
  } else {
    std::vector<uint8_t> bytes(numbers.begin(), numbers.end());
    value.id = importer_.graph_.add_constant(std::move(desc), ConstantData::of(bytes));
  }
  return value.id;
}

Result<std::vector<Dim>> NodeContext::dims(size_t i) const {
  const Value& v = value(i);
  if (v.ints) return *v.ints;
  return unsupported(format("input %zu must be known when converting, but it is computed at run time", i));
}

Result<std::vector<int64_t>> NodeContext::ints(size_t i) const {
  NBL_TRY(const std::vector<Dim> known, dims(i));
  std::vector<int64_t> out;
  for (const Dim& d : known) {
    if (!d.is_const())
      return unsupported(
          format("input %zu depends on the free dimension %s; --dim fixes it", i, d.to_string().c_str()));
    out.push_back(d.value());
  }
  return out;
}

bool NodeContext::is_constant(size_t i) const {
  const Value& v = value(i);
  return v.ints || (v.id != kNoTensor && importer_.graph_.tensor(v.id).is_constant());
}

Result<std::vector<float>> NodeContext::floats(size_t i) const {
  const Value& v = value(i);
  if (v.ints) {
    NBL_TRY(const std::vector<int64_t> numbers, ints(i));
    return std::vector<float>(numbers.begin(), numbers.end());
  }
  if (v.id == kNoTensor || !importer_.graph_.tensor(v.id).is_constant() || v.type != DType::f32) {
    return unsupported(format("input %zu must be a constant of floats", i));
  }
  const auto values = importer_.graph_.tensor(v.id).constant->as<float>();
  return std::vector<float>(values.begin(), values.end());
}

bool NodeContext::has_attribute(const char* name) const {
  return std::any_of(node_.attribute().begin(), node_.attribute().end(), [&](const A& a) { return a.name() == name; });
}

const A* NodeContext::attribute(const char* name) {
  handled_.insert(name);
  for (const A& a : node_.attribute()) {
    if (a.name() == name) return &a;
  }
  return nullptr;
}

Result<int64_t> NodeContext::integer(const char* name, int64_t otherwise) {
  const A* a = attribute(name);
  if (!a) return otherwise;
  if (a->type() != A::INT) return fail(format("attribute '%s': expected an integer", name));
  return static_cast<int64_t>(a->i());
}

Result<float> NodeContext::real(const char* name, float otherwise) {
  const A* a = attribute(name);
  if (!a) return otherwise;
  if (a->type() != A::FLOAT) return fail(format("attribute '%s': expected a float", name));
  return a->f();
}

Result<std::string> NodeContext::text(const char* name, const std::string& otherwise) {
  const A* a = attribute(name);
  if (!a) return otherwise;
  if (a->type() != A::STRING) return fail(format("attribute '%s': expected a string", name));
  return a->s();
}

Result<std::vector<int64_t>> NodeContext::integers(const char* name, std::vector<int64_t> otherwise) {
  const A* a = attribute(name);
  if (!a) return otherwise;
  if (a->type() != A::INTS) return fail(format("attribute '%s': expected integers", name));
  return std::vector<int64_t>(a->ints().begin(), a->ints().end());
}

Result<std::vector<float>> NodeContext::reals(const char* name, std::vector<float> otherwise) {
  const A* a = attribute(name);
  if (!a) return otherwise;
  if (a->type() != A::FLOATS) return fail(format("attribute '%s': expected floats", name));
  return std::vector<float>(a->floats().begin(), a->floats().end());
}

Result<int64_t> NodeContext::axis(const char* name, int64_t otherwise, size_t rank) {
  NBL_TRY(int64_t axis, integer(name, otherwise));
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r)
    return fail(format("axis %lld is outside a tensor of rank %zu", static_cast<long long>(axis), rank));
  return axis < 0 ? axis + r : axis;
}

Result<TensorId> NodeContext::emit(Op op, std::vector<TensorId> inputs, std::vector<TensorDesc> declared) {
  Graph& graph = importer_.graph_;
  const std::string name = emitted_ == 0 ? name_ : name_ + "." + std::to_string(emitted_);
  auto added = graph.add_node(name, std::move(op), inputs, std::move(declared));
  if (!added) return std::move(added).error();
  ++emitted_;
  const TensorId out = graph.nodes.back().outputs[0];
  const bool all_constant = !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](TensorId id) {
    return id == kNoTensor || graph.tensor(id).is_constant();
  });
  if (!all_constant) return out;
  // A small file must not turn into a large one, nor into minutes of work: what folding adds and does in all is
  // bounded, and beyond that the device computes.
  const double work = folding_work(graph, graph.nodes.back());
  if (importer_.worked_ + work > kMaxWork) return out;
  importer_.worked_ += work;
  uint64_t given = 0, made = 0;
  for (TensorId id : inputs) given += id == kNoTensor ? 0 : element_count(graph.desc(id).shape);
  for (TensorId id : graph.nodes.back().outputs) made += element_count(graph.desc(id).shape);
  if (made > given && !grow(made - given)) return out;
  // So do many copies of one constant, each in another order.
  if (made <= given && inputs[0] != kNoTensor && !first_copy(inputs[0]) && !grow(made)) return out;
  NBL_TRY(std::vector<Tensor> folded, fold_constants(graph, graph.nodes.back()));
  const TensorDesc& x = graph.desc(inputs[0] == kNoTensor ? graph.nodes.back().outputs[0] : inputs[0]);
  for (Tensor& tensor : folded) {
    if (tensor.desc.type == DType::f32) tensor.desc.quant = moved_quant(x, graph.nodes.back(), tensor.desc.shape);
  }
  for (size_t i = 0; i < folded.size(); ++i) graph.tensor(graph.nodes.back().outputs[i]) = std::move(folded[i]);
  graph.nodes.pop_back();
  --emitted_;
  return out;
}

Result<TensorId> NodeContext::constant(const Shape& shape, const std::vector<float>& values) {
  return importer_.graph_.add_constant({"", DType::f32, shape, {}, Packing::plain}, ConstantData::of(values));
}

Result<TensorId> NodeContext::constant(Constant constant) {
  return importer_.graph_.add_constant(std::move(constant.desc), ConstantData::own(std::move(constant.bytes)));
}

const TensorDesc& NodeContext::desc(TensorId id) const { return importer_.graph_.desc(id); }

Tensor& NodeContext::graph_tensor(TensorId id) { return importer_.graph_.tensor(id); }

const Graph& NodeContext::graph() const { return importer_.graph_; }

bool NodeContext::give_quantization(TensorId id, const Quant& quant) {
  // Nodes are few enough between an input of bytes and its first reader.
  Graph& graph = importer_.graph_;
  const auto bare = [&](TensorId t) {
    return (desc(t).type == DType::u8 || desc(t).type == DType::i8) && desc(t).quant.kind == Quant::Kind::none;
  };
  if (!bare(id)) return true;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& maker = graph.nodes[i];
    if (maker.outputs[0] != id) continue;
    if (!is_view(maker)) return false;
    id = maker.inputs[0];
  }
  graph.desc(id).quant = quant;
  for (const Node& node : graph.nodes) {
    if (is_view(node) && bare(node.outputs[0]) && desc(node.inputs[0]).quant == quant)
      graph.desc(node.outputs[0]).quant = quant;
  }
  return true;
}

Result<TensorId> NodeContext::reshape(TensorId id, Shape shape) {
  if (desc(id).shape == shape) return id;
  return emit(Reshape{std::move(shape)}, {id});
}

const std::string& NodeContext::folder() const { return importer_.model_.folder; }

Status NodeContext::set(size_t output, TensorId id) {
  // What only moves uint8 that is kept as int8, or truth values that are kept as floats, leaves their type to ONNX.
  const Value& x = value(0);
  const bool bytes = x.type == DType::u8 && x.id != kNoTensor && desc(x.id).type == DType::i8;
  const bool truth = x.type == DType::boolean && only_moves(type()) && output == 0;
  if (bytes && desc(id).type == DType::i8) return set(output, id, DType::u8);
  if (is_dynamic(*this, 0) && only_moves(type()) && desc(id).type == DType::f32) return set(output, id, DType::u8);
  return set(output, id, truth && desc(id).type == DType::f32 ? DType::boolean : desc(id).type);
}

Status NodeContext::set(size_t output, TensorId id, DType onnx_type) {
  const Tensor& tensor = importer_.graph_.tensor(id);
  Value value;
  value.id = id;
  value.type = onnx_type;
  value.shape = tensor.desc.shape;
  value.ints = known_integers(tensor);
  if (onnx_type == DType::boolean && tensor.desc.type == DType::f32 && tensor.is_constant()) {
    const auto floats = tensor.constant->as<float>();
    if (floats.size() <= kMaxKnown) {
      value.ints.emplace();
      for (float v : floats) value.ints->push_back(Dim(v != 0.0f));
    }
  }
  return set_value(output, std::move(value));
}

Status NodeContext::set_ints(size_t output, Shape shape, std::vector<Dim> values, DType type) {
  Value value;
  value.type = type;
  value.shape = std::move(shape);
  value.ints = std::move(values);
  return set_value(output, std::move(value));
}

Status NodeContext::set_value(size_t output, Value value) {
  if (value.ints) {
    const uint64_t growth = kIntegerGrowth * static_cast<uint64_t>(value.ints->size());
    if (importer_.grown_ + growth <= kMaxGrowth) {
      importer_.grown_ += growth;
    } else if (value.id != kNoTensor) {
      value.ints.reset();  // a tensor still, only not one that shapes can be made of
    } else {
      return unsupported("the network computes on more integers than a shape needs");
    }
  }
  if (output >= outputs() || node_.output(static_cast<int>(output)).empty()) return {};
  importer_.values_[node_.output(static_cast<int>(output))] = std::move(value);
  return {};
}

Error NodeContext::fail(const std::string& message) const { return {Code::invalid_argument, message}; }
Error NodeContext::unsupported(const std::string& message) const { return {Code::unsupported_op, message}; }

Status NodeContext::check_all_attributes_handled() const {
  for (const A& a : node_.attribute()) {
    if (!handled_.contains(a.name())) return unsupported("attribute '" + a.name() + "' is not supported");
  }
  return {};
}

}  // namespace nibble::onnx_import

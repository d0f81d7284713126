#include "converter/onnx/import.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <memory>

#include "converter/onnx/cut.h"
#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr int kMaxDepth = 64;  // branches within branches

Result<Shape> read_shape(const ::onnx::TypeProto::Tensor& type, const std::string& name) {
  Shape shape;
  for (int i = 0; i < type.shape().dim_size(); ++i) {
    const auto& d = type.shape().dim(i);
    if (d.has_dim_value() && d.dim_value() > 0) {
      if (d.dim_value() > kMaxDim) return Error{Code::invalid_argument, "input '" + name + "' has a size beyond 2^31"};
      shape.push_back(d.dim_value());
    } else if (d.has_dim_param() && !d.dim_param().empty()) {
      auto parsed = Dim::parse(d.dim_param());
      shape.push_back(parsed && !parsed->is_const() ? *parsed : Dim::symbol(d.dim_param()));
    } else {
      shape.push_back(Dim::symbol(name + "_" + std::to_string(i)));  // unnamed and free
    }
  }
  return shape;
}

}  // namespace

void Importer::import_inputs(const ::onnx::GraphProto& proto) {
  import_initializers(proto);
  for (const auto& input : proto.input()) {
    if (values_.contains(input.name())) continue;  // an initializer's default (IR below 4 lists them all)
    Value value;
    const auto take = [&]() -> Status {
      if (!input.type().has_tensor_type()) return Error{Code::unsupported_op, "only tensors are supported"};
      NBL_TRY(value.type, element_type(input.type().tensor_type().elem_type()));
      NBL_TRY(value.shape, read_shape(input.type().tensor_type(), input.name()));
      for (Dim& d : value.shape) {
        const std::vector<std::string> names = d.symbols();
        free_names_.insert(names.begin(), names.end());
        const bool all_fixed =
            std::all_of(names.begin(), names.end(), [&](const std::string& n) { return fixed_.contains(n); });
        if (all_fixed) d = d.bind(fixed_);
        if (d.is_const() && (d.value() < 1 || d.value() > kMaxDim))
          return Error{Code::invalid_argument, "a size of " + d.to_string()};
      }
      return {};
    };
    if (Status status = take(); !status) {
      if (readers_.contains(input.name())) obstacle(input.name(), "input", status.error().message);
      value.failed = true;
    } else {
      value.id = graph_.add_tensor({input.name(), value.type, value.shape, {}, Packing::plain});
      graph_.inputs.push_back(value.id);
    }
    values_[input.name()] = std::move(value);
  }
}

void Importer::import_initializers(const ::onnx::GraphProto& proto) {
  for (const auto& tensor : proto.initializer()) {
    Value value;
    if (!readers_.contains(tensor.name())) {  // of any type: nobody looks at it
      value.failed = true;
      values_[tensor.name()] = std::move(value);
      continue;
    }
    auto constant = read_tensor(tensor, model_.folder);
    if (!constant) {
      obstacle(tensor.name(), "initializer", constant.error().message);
      value.failed = true;
    } else {
      value.type = constant->desc.type;
      value.shape = constant->desc.shape;
      value.id = graph_.add_constant(constant->desc, ConstantData::own(std::move(constant->bytes)));
      value.ints = known_integers(graph_.tensor(value.id));
    }
    values_[tensor.name()] = std::move(value);
  }
  if (proto.sparse_initializer_size() > 0) obstacle("", "sparse_initializer", "sparse initializers are not supported");
}

// An If whose condition is known is the nodes of one branch, which see all names around it.
Status Importer::import_branch(NodeContext& context) {
  const Value& condition = context.value(0);
  if (!condition.ints || condition.ints->size() != 1)
    return Error{Code::unsupported_op,
                 "the condition is computed at run time; supported where it is known when converting"};
  const Dim chosen = condition.ints->front();
  if (!chosen.is_const())
    return Error{Code::unsupported_op,
                 "the condition depends on the free dimension " + chosen.to_string() + " at run time"};
  const auto* taken = context.attribute(chosen.value() ? "then_branch" : "else_branch");
  const auto* other = context.attribute(chosen.value() ? "else_branch" : "then_branch");
  if (other && other->has_g()) untaken_.insert(&other->g());
  if (!taken || !taken->has_g() || static_cast<size_t>(taken->g().output_size()) != context.outputs())
    return Error{Code::invalid_argument, "a branch is missing or has another number of outputs than the node"};
  if (++depth_ > kMaxDepth) return Error{Code::unsupported_op, "branches within branches beyond 64"};
  const ::onnx::GraphProto& branch = taken->g();
  import_initializers(branch);
  const std::vector<bool> needed = needed_nodes(branch, untaken_);
  for (int i = 0; i < branch.node_size(); ++i) {
    if (needed[static_cast<size_t>(i)]) import_node(branch.node(i));
  }
  --depth_;
  for (int i = 0; i < branch.output_size(); ++i) {
    const auto found = values_.find(branch.output(i).name());
    if (found == values_.end())
      return Error{Code::invalid_argument, "no node makes the branch's output '" + branch.output(i).name() + "'"};
    NBL_CHECK(context.set_value(static_cast<size_t>(i), found->second));
  }
  return {};
}

Status NodeContext::import_in_place(const std::vector<::onnx::NodeProto>& nodes) {
  for (const ::onnx::NodeProto& node : nodes) {
    for (const std::string& input : node.input()) ++importer_.readers_[input];
  }
  const size_t before = importer_.obstacles_.size();
  for (const ::onnx::NodeProto& node : nodes) importer_.import_node(node);
  for (size_t i = before; i < importer_.obstacles_.size(); ++i) {
    // Parts are not in the file: the node that they stand for is named.
    Obstacle& obstacle = importer_.obstacles_[i];
    if (obstacle.operator_type != type()) obstacle.message = "its " + obstacle.operator_type + ": " + obstacle.message;
    obstacle.node = name();
    obstacle.operator_type = type();
  }
  return {};
}

void Importer::count_readers(const ::onnx::GraphProto& proto, int depth) {
  const std::vector<bool> needed = needed_nodes(proto, untaken_);
  for (int i = 0; i < proto.node_size(); ++i) {
    if (!needed[static_cast<size_t>(i)]) continue;
    for (const std::string& input : proto.node(i).input()) ++readers_[input];
    for (const auto& a : proto.node(i).attribute()) {
      if (a.has_g() && depth < kMaxDepth && !untaken_.contains(&a.g())) count_readers(a.g(), depth + 1);
    }
  }
  for (const auto& output : proto.output()) ++readers_[output.name()];
}

void Importer::import_node(const ::onnx::NodeProto& node) {
  const bool standard = node.domain().empty() || node.domain() == "ai.onnx";
  const auto version = model_.opsets.find("");
  NodeContext context(*this, node, version == model_.opsets.end() ? 1 : version->second);
  const auto mark_failed = [&] {
    for (const std::string& output : node.output()) values_[output].failed = true;
  };
  const ImportFunction import = find_import_function(standard ? "" : node.domain(), node.op_type());
  bool readable = true;
  for (const std::string& input : node.input()) {
    if (input.empty()) continue;
    const auto found = values_.find(input);
    if (found == values_.end()) {
      obstacle(context.name(), node.op_type(), "input '" + input + "' is made by no node before it");
      return mark_failed();
    }
    readable = readable && !found->second.failed;
  }
  const auto work = [&]() -> Status {
    if (standard && node.op_type() == "If") {
      if (!readable) return {};
      NBL_CHECK(import_branch(context));
      return context.check_all_attributes_handled();
    }
    if (!import) {
      const std::string domain = standard ? "" : " of domain " + node.domain();
      const bool selects = node.op_type() == "TopK" || node.op_type() == "NonMaxSuppression";
      return Error{Code::unsupported_op, "the operator" + domain + " is not supported" +
                                             (selects ? "; --outputs ends the network before it" : "")};
    }
    if (!readable) return {};  // the obstacle is reported where it arose
    NBL_TRY(const Units units, result_units(context));
    NBL_TRY(const bool folded, fold_integers(context));
    if (!folded) NBL_CHECK(import(context));
    for (size_t i = 0; i < context.outputs() && !units.empty(); ++i) context.set_units(i, units);
    if (folded) return {};
    return context.check_all_attributes_handled();
  };
  if (Status status = work(); !status) {
    obstacle(context.name(), node.op_type(), status.error().message);
    mark_failed();
  } else if (!readable) {
    mark_failed();
  }
}

// The tensor of an output: of its own, and of the type that ONNX knows it as.
Result<TensorId> Importer::import_output(const std::string& name, const std::set<TensorId>& taken) {
  ::onnx::NodeProto
      proxy;  // gives shape arithmetic that is an output its tensor, and shared tensors a name of their own
  proxy.set_name(name);
  proxy.set_op_type("Identity");
  proxy.add_input(name);
  proxy.add_output(name);
  NodeContext context(*this, proxy, 1);
  NBL_TRY(TensorId id, context.tensor(0));
  const auto append = [&](Op op, std::vector<TensorDesc> declared) -> Status {
    NBL_CHECK(graph_.add_node(name, std::move(op), {id}, std::move(declared)));
    id = graph_.nodes.back().outputs[0];
    return {};
  };
  const DType stored = graph_.desc(id).type, declared = context.value(0).type;
  if (stored == DType::f32 && declared == DType::u8)
    return Error{Code::unsupported_op, "the integers of DynamicQuantizeLinear are not computed"};
  if (!context.value(0).units.empty())
    return Error{Code::unsupported_op,
                 "it is in units of the scale of a DynamicQuantizeLinear, which is not computed; a Mul with that scale "
                 "makes it an output"};
  if (stored == DType::i8 && declared == DType::u8) {
    // uint8 is kept as int8 with the zero point moved by 128; whoever reads the output is given uint8.
    TensorDesc bytes;
    bytes.type = DType::u8;
    bytes.quant = graph_.desc(id).quant;
    bytes.quant.zero_point += 128;
    const FixedMultiplier one = fixed_multiplier(1.0);
    NBL_CHECK(append(Convert{{0, 255}, one.multiplier, one.shift}, {bytes}));
  } else if (stored == DType::f32 && declared == DType::boolean) {
    TensorDesc truth;
    truth.type = DType::boolean;
    NBL_CHECK(append(Convert{}, {truth}));
  }
  if (taken.contains(id) || graph_.tensor(id).is_constant()) NBL_CHECK(append(Reshape{graph_.desc(id).shape}, {}));
  return id;
}

void Importer::import_outputs(const ::onnx::GraphProto& proto) {
  std::set<TensorId> taken(graph_.inputs.begin(), graph_.inputs.end());
  for (const auto& output : proto.output()) {
    const auto found = values_.find(output.name());
    if (found == values_.end()) {
      obstacle(output.name(), "output", "no node makes it");
      continue;
    }
    if (found->second.failed) continue;
    const Result<TensorId> id = import_output(output.name(), taken);
    if (!id) {
      obstacle(output.name(), "output", id.error().message);
      continue;
    }
    taken.insert(*id);
    graph_.desc(*id).name = output.name();
    graph_.outputs.push_back(*id);
  }
}

std::vector<Obstacle> Importer::run() {
  const ::onnx::GraphProto& proto = model_.proto->graph();
  count_readers(proto, 0);
  import_inputs(proto);
  const std::vector<bool> needed = needed_nodes(proto, untaken_);
  for (int i = 0; i < proto.node_size(); ++i) {
    if (needed[static_cast<size_t>(i)]) import_node(proto.node(i));
  }
  import_outputs(proto);
  if (proto.output_size() == 0) obstacle("", "graph", "the model has no outputs");
  return std::move(obstacles_);
}

Result<Imported> import_file(const std::string& path, const DimBindings& fixed,
                             const std::vector<std::string>& outputs) {
  NBL_TRY(Model model, read(path));
  if (!outputs.empty()) {
    if (Status status = end_at(model, outputs); !status)
      return std::move(status).error().with_context("'" + path + "'");
  }
  return import_model(model, fixed);
}

Result<Imported> import_model(const Model& model, const DimBindings& fixed) {
  auto importer = std::make_unique<Importer>(model, fixed);
  Imported out;
  out.obstacles = importer->run();
  // Which branches are taken is known now: what only the others need is no obstacle.
  if (!out.obstacles.empty() && !importer->untaken().empty()) {
    Branches untaken = importer->untaken();
    importer.reset();
    importer = std::make_unique<Importer>(model, fixed, std::move(untaken));
    out.obstacles = importer->run();
  }
  for (const auto& [name, value] : fixed) {
    if (importer->free_names().contains(name)) continue;
    std::string known;
    for (const std::string& n : importer->free_names()) known += (known.empty() ? "" : ", ") + n;
    return Error{Code::invalid_argument,
                 "there is no free dimension '" + name + "'; the model has: " + (known.empty() ? "none" : known)};
  }
  out.graph = importer->take_graph();
  if (out.obstacles.empty()) {
    remove_dead(out.graph);
    if (Status status = verify(out.graph); !status) return status.error();
  }
  return out;
}

std::string describe(const std::vector<Obstacle>& obstacles) {
  std::string out;
  for (const Obstacle& o : obstacles) {
    if (!out.empty()) out += '\n';
    out += format("%s '%s': %s", o.operator_type.c_str(), o.node.c_str(), o.message.c_str());
  }
  return out;
}

}  // namespace nibble::onnx_import

#include "tests/support/onnx_builder.h"

#include <onnx/onnx_pb.h>

#include <span>

#include "core/try.h"

namespace nibble::test {

struct OnnxBuilder::Proto {
  ::onnx::ModelProto model;
};

OnnxBuilder::OnnxBuilder(int64_t opset) : proto_(std::make_unique<Proto>()) {
  proto_->model.set_ir_version(8);
  proto_->model.add_opset_import()->set_version(opset);
  proto_->model.mutable_graph()->set_name("test");
}

OnnxBuilder::~OnnxBuilder() = default;
OnnxBuilder::OnnxBuilder(OnnxBuilder&&) noexcept = default;

OnnxBuilder& OnnxBuilder::input(const std::string& name, const OnnxNames& dims, int32_t type) {
  auto* info = proto_->model.mutable_graph()->add_input();
  info->set_name(name);
  auto* tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  auto* shape = tensor->mutable_shape();
  for (const std::string& dim : dims) {
    auto* d = shape->add_dim();
    if (dim.empty()) continue;
    if (dim.find_first_not_of("0123456789") == std::string::npos)
      d->set_dim_value(std::stoll(dim));
    else
      d->set_dim_param(dim);
  }
  return *this;
}

OnnxBuilder& OnnxBuilder::output(const std::string& name) {
  proto_->model.mutable_graph()->add_output()->set_name(name);
  return *this;
}

OnnxBuilder& OnnxBuilder::floats(const std::string& name, const OnnxShape& shape, const std::vector<float>& values) {
  auto* tensor = proto_->model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(kOnnxFloat);
  for (int64_t d : shape) tensor->add_dims(d);
  for (float v : values) tensor->add_float_data(v);
  return *this;
}

OnnxBuilder& OnnxBuilder::integers(const std::string& name, const OnnxShape& shape, const std::vector<int64_t>& values,
                                   int32_t type) {
  auto* tensor = proto_->model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(type);
  for (int64_t d : shape) tensor->add_dims(d);
  for (int64_t v : values) {
    if (type == kOnnxInt64)
      tensor->add_int64_data(v);
    else
      tensor->add_int32_data(static_cast<int32_t>(v));
  }
  return *this;
}

OnnxBuilder& OnnxBuilder::external(const std::string& name, const OnnxShape& shape,
                                   const std::vector<std::pair<std::string, std::string>>& entries) {
  auto* tensor = proto_->model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(kOnnxFloat);
  for (int64_t d : shape) tensor->add_dims(d);
  tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto* entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return *this;
}

OnnxBuilder& OnnxBuilder::node(const std::string& type, const OnnxNames& inputs, const OnnxNames& outputs,
                               const std::vector<OnnxAttribute>& attributes, const std::string& name,
                               const std::string& domain) {
  using A = ::onnx::AttributeProto;
  auto* node = proto_->model.mutable_graph()->add_node();
  node->set_op_type(type);
  node->set_name(name);
  node->set_domain(domain);
  for (const std::string& i : inputs) node->add_input(i);
  for (const std::string& o : outputs) node->add_output(o);
  for (const OnnxAttribute& attribute : attributes) {
    auto* a = node->add_attribute();
    a->set_name(attribute.name);
    if (const auto* i = std::get_if<int64_t>(&attribute.value)) a->set_type(A::INT), a->set_i(*i);
    if (const auto* f = std::get_if<float>(&attribute.value)) a->set_type(A::FLOAT), a->set_f(*f);
    if (const auto* s = std::get_if<std::string>(&attribute.value)) a->set_type(A::STRING), a->set_s(*s);
    if (const auto* is = std::get_if<std::vector<int64_t>>(&attribute.value)) {
      a->set_type(A::INTS);
      for (int64_t v : *is) a->add_ints(v);
    }
    if (const auto* fs = std::get_if<std::vector<float>>(&attribute.value)) {
      a->set_type(A::FLOATS);
      for (float v : *fs) a->add_floats(v);
    }
    if (const auto* graph = std::get_if<const OnnxBuilder*>(&attribute.value)) {
      a->set_type(A::GRAPH);
      *a->mutable_g() = (*graph)->proto_->model.graph();
    }
  }
  return *this;
}

std::string OnnxBuilder::bytes() const { return proto_->model.SerializeAsString(); }

Result<onnx_import::Imported> OnnxBuilder::import(const DimBindings& fixed, const std::string& folder) const {
  const std::string file = bytes();
  NBL_TRY(const onnx_import::Model model, onnx_import::read(std::as_bytes(std::span(file)), folder));
  return onnx_import::import_model(model, fixed);
}

Result<Graph> OnnxBuilder::graph(const DimBindings& fixed) const {
  NBL_TRY(onnx_import::Imported imported, import(fixed));
  if (!imported.obstacles.empty()) return Error{Code::unsupported_op, onnx_import::describe(imported.obstacles)};
  return std::move(imported.graph);
}

std::string OnnxBuilder::problem() const {
  const auto made = graph();
  return made ? "" : made.error().message;
}

}  // namespace nibble::test

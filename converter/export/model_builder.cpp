#include "converter/export/model_builder.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include "core/text.h"

namespace nibble::onnx_export {

struct ModelBuilder::Proto {
  ::onnx::ModelProto model;
};

namespace {

void describe(::onnx::ValueInfoProto& info, const std::string& name, ElementType type, const Shape& shape) {
  info.set_name(name);
  auto* tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(static_cast<int32_t>(type));
  auto* dims = tensor->mutable_shape();
  for (const Dim& d : shape) {
    auto* dim = dims->add_dim();
    if (d.is_const()) {
      dim->set_dim_value(d.value());
    } else if (const auto symbols = d.symbols(); symbols.size() == 1 && symbols[0] == d.to_string()) {
      dim->set_dim_param(symbols[0]);
    }  // ONNX has no expressions: what is left stays unknown
  }
}

}  // namespace

ModelBuilder::ModelBuilder(int64_t opset) : proto_(std::make_unique<Proto>()) {
  proto_->model.set_ir_version(8);
  proto_->model.set_producer_name("nibble-convert");
  proto_->model.add_opset_import()->set_version(opset);
  proto_->model.mutable_graph()->set_name("nibble");
}

ModelBuilder::~ModelBuilder() = default;

std::string ModelBuilder::unique(const std::string& wish) {
  const std::string base = wish.empty() ? "tensor" : wish;
  std::string name = base;
  for (int i = 2; !names_.insert(name).second; ++i) name = format("%s:%d", base.c_str(), i);
  return name;
}

void ModelBuilder::input(const std::string& name, ElementType type, const Shape& shape) {
  describe(*proto_->model.mutable_graph()->add_input(), name, type, shape);
}

void ModelBuilder::output(const std::string& name, ElementType type, const Shape& shape) {
  describe(*proto_->model.mutable_graph()->add_output(), name, type, shape);
}

std::string ModelBuilder::constant(const std::string& wish, ElementType type, const std::vector<int64_t>& dims,
                                   std::span<const std::byte> bytes) {
  const std::string name = unique(wish);
  constant_bytes_ += bytes.size();
  auto* tensor = proto_->model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(static_cast<int32_t>(type));
  for (int64_t d : dims) tensor->add_dims(d);
  if (keeps_data_) tensor->set_raw_data(bytes.data(), bytes.size());  // little-endian, as hosts and the format are
  return name;
}

std::string ModelBuilder::node(std::string_view type, const Names& inputs, const std::string& output,
                               const Attributes& attributes, const std::string& name) {
  using A = ::onnx::AttributeProto;
  auto* node = proto_->model.mutable_graph()->add_node();
  node->set_op_type(std::string(type));
  const std::string wish = name.empty() ? output : name;
  std::string own = wish;
  for (int i = 2; !node_names_.insert(own).second; ++i) own = format("%s:%d", wish.c_str(), i);
  node->set_name(own);
  for (const std::string& i : inputs) node->add_input(i);
  node->add_output(output);
  for (const auto& [key, value] : attributes) {
    auto* a = node->add_attribute();
    a->set_name(key);
    if (const auto* i = std::get_if<int64_t>(&value)) a->set_type(A::INT), a->set_i(*i);
    if (const auto* f = std::get_if<float>(&value)) a->set_type(A::FLOAT), a->set_f(*f);
    if (const auto* s = std::get_if<std::string>(&value)) a->set_type(A::STRING), a->set_s(*s);
    if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
      a->set_type(A::INTS);
      for (int64_t v : *is) a->add_ints(v);
    }
    if (const auto* fs = std::get_if<std::vector<float>>(&value)) {
      a->set_type(A::FLOATS);
      for (float v : *fs) a->add_floats(v);
    }
  }
  return output;
}

void ModelBuilder::metadata(const std::string& key, const std::string& value) {
  auto* entry = proto_->model.add_metadata_props();
  entry->set_key(key);
  entry->set_value(value);
}

Result<std::string> ModelBuilder::bytes() const {
  constexpr uint64_t kMost = (uint64_t{1} << 31) - 1;
  const uint64_t size = constant_bytes_ < kMost ? proto_->model.ByteSizeLong() : constant_bytes_;
  if (size > kMost) {
    return Error{Code::unsupported_op, format("the network as ONNX has %.2f GB; one ONNX file takes at most 2 GB",
                                              static_cast<double>(size) / 1e9)};
  }
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!proto_->model.SerializeToCodedStream(&coded)) return Error{Code::internal, "the ONNX model was not written"};
  }
  return out;
}

}  // namespace nibble::onnx_export

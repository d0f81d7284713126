#include "converter/onnx/expansion.h"

#include <algorithm>
#include <utility>

#include "core/try.h"

namespace nibble::onnx_import {

// Outputs have names that no other node has.
std::string Expansion::unique(const std::string& part) {
  std::string name;
  do {
    name = out() + ":" + part + ":" + std::to_string(named_++);
  } while (node_.names(name));
  return name;
}

Result<std::string> Expansion::plain(size_t i) {
  const std::string name = unique("plain");
  NBL_CHECK(node_.alias(i, name));
  return name;
}

std::string Expansion::in(size_t i) const { return node_.has(i) ? node_.proto().input(static_cast<int>(i)) : ""; }
std::string Expansion::out(size_t i) const { return node_.proto().output(static_cast<int>(i)); }

std::string Expansion::add(const std::string& type, std::vector<std::string> inputs, const std::string& y) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  ::onnx::NodeProto& node = nodes_.emplace_back();
  node.set_op_type(type);
  // What computes is called as the original is.
  const bool computes = type != "Constant" && type != "DequantizeLinear" && type != "QuantizeLinear";
  const bool first = computes && !std::exchange(computed_, true);
  node.set_name(first ? node_.name() : node_.name() + ":" + type + ":" + std::to_string(nodes_.size() - 1));
  for (std::string& input : inputs) node.add_input(std::move(input));
  const std::string name = y.empty() ? unique(type) : y;
  node.add_output(name);
  return name;
}

::onnx::AttributeProto& Expansion::attribute(const char* name) {
  ::onnx::AttributeProto& a = *nodes_.back().add_attribute();
  a.set_name(name);
  return a;
}

void Expansion::set(const char* name, int64_t value) {
  ::onnx::AttributeProto& a = attribute(name);
  a.set_type(::onnx::AttributeProto::INT);
  a.set_i(value);
}

void Expansion::set(const char* name, float value) {
  ::onnx::AttributeProto& a = attribute(name);
  a.set_type(::onnx::AttributeProto::FLOAT);
  a.set_f(value);
}

void Expansion::set(const char* name, const std::string& value) {
  ::onnx::AttributeProto& a = attribute(name);
  a.set_type(::onnx::AttributeProto::STRING);
  a.set_s(value);
}

void Expansion::set(const char* name, const std::vector<int64_t>& values) {
  ::onnx::AttributeProto& a = attribute(name);
  a.set_type(::onnx::AttributeProto::INTS);
  for (int64_t v : values) a.add_ints(v);
}

void Expansion::copy_attributes(const std::vector<std::string>& but) {
  for (const auto& a : node_.proto().attribute()) {
    if (std::find(but.begin(), but.end(), a.name()) != but.end()) continue;
    *nodes_.back().add_attribute() = a;
    node_.ignore(a.name().c_str());  // whoever imports the copy looks at it
  }
}

std::string Expansion::constant(::onnx::TensorProto tensor) {
  const std::string name = add("Constant", {});
  ::onnx::AttributeProto& a = attribute("value");
  a.set_type(::onnx::AttributeProto::TENSOR);
  *a.mutable_t() = std::move(tensor);
  return name;
}

std::string Expansion::floats(const std::vector<float>& values, bool one_axis) {
  ::onnx::TensorProto tensor;
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  if (one_axis || values.size() != 1) tensor.add_dims(static_cast<int64_t>(values.size()));
  for (float v : values) tensor.add_float_data(v);
  return constant(std::move(tensor));
}

std::string Expansion::integers(const std::vector<int64_t>& values, int32_t onnx_type, bool one_axis) {
  ::onnx::TensorProto tensor;
  tensor.set_data_type(onnx_type);
  if (one_axis || values.size() != 1) tensor.add_dims(static_cast<int64_t>(values.size()));
  for (int64_t v : values) {
    if (onnx_type == ::onnx::TensorProto::INT64) {
      tensor.add_int64_data(v);
    } else {
      tensor.add_int32_data(static_cast<int32_t>(v));
    }
  }
  return constant(std::move(tensor));
}

Status Expansion::run() { return node_.import_in_place(nodes_); }

}  // namespace nibble::onnx_import

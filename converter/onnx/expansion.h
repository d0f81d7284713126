// Imports a node as several others, which take its place.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "converter/onnx/importer.h"

namespace nibble::onnx_import {

class Expansion {
 public:
  explicit Expansion(NodeContext& node) : node_(node) {}

  // Adds a node and gives the name of its result: `y`, or a name of its own where that is empty. Names of inputs that
  // are empty at the end are left out.
  std::string add(const std::string& type, std::vector<std::string> inputs, const std::string& y = "");
  // Attributes of the node added last.
  void set(const char* name, int64_t value);
  void set(const char* name, float value);
  void set(const char* name, const std::string& value);
  void set(const char* name, const std::vector<int64_t>& values);
  // Gives the node added last the original's attributes, apart from those named.
  void copy_attributes(const std::vector<std::string>& but = {});
  // Constants; a single value without `one_axis` is a scalar.
  std::string floats(const std::vector<float>& values, bool one_axis = false);
  std::string integers(const std::vector<int64_t>& values, int32_t onnx_type, bool one_axis = false);

  // The name of an input of the original, empty where it is absent; of an output.
  std::string in(size_t i) const;
  std::string out(size_t i = 0) const;

  // A name for what an input keeps, whatever ONNX knows it as.
  Result<std::string> plain(size_t i);

  // Imports them. What stands in the way of one of them is an obstacle of the original.
  Status run();

 private:
  std::string unique(const std::string& part);
  ::onnx::AttributeProto& attribute(const char* name);
  std::string constant(::onnx::TensorProto tensor);

  NodeContext& node_;
  std::vector<::onnx::NodeProto> nodes_;
  int named_ = 0;
  bool computed_ = false;
};

}  // namespace nibble::onnx_import

// Reading .onnx files through ONNX's own schema, and their tensors into nibble's types.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace nibble::onnx_import {

struct Model {
  std::shared_ptr<::onnx::ModelProto> proto;
  std::string folder;                     // external data is looked for here and nowhere else
  std::map<std::string, int64_t> opsets;  // domain ("" is ai.onnx) -> version
};

Result<Model> read(const std::string& path);
// The same from memory; `folder` is where external data lies.
Result<Model> read(std::span<const std::byte> bytes, const std::string& folder);

// A constant: float kinds become f32, int8 and uint8 stay, other integers become i64, bool stays.
struct Constant {
  TensorDesc desc;
  std::vector<std::byte> bytes;
};
Result<Constant> read_tensor(const ::onnx::TensorProto& tensor, const std::string& folder);

// The nibble type of an ONNX element type (TensorProto.DataType), or an error that names it.
Result<DType> element_type(int32_t onnx_type);

}  // namespace nibble::onnx_import

#include "converter/onnx/read.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

Error error(Code code, std::string message) { return {code, std::move(message)}; }

// `name` begins the messages.
Result<Model> parse(google::protobuf::io::ZeroCopyInputStream& stream, const std::string& name) {
  // protobuf writes its complaints to stderr; ours is the one line that counts.
  const google::protobuf::LogSilencer silence;
  Model model;
  model.proto = std::make_shared<::onnx::ModelProto>();
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (!model.proto->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return error(Code::corrupt_file, name + " is not an ONNX file, or is damaged or truncated");
  }
  if (!model.proto->has_graph() || model.proto->opset_import_size() == 0) {
    return error(Code::corrupt_file, name + " is not an ONNX model: it has no graph or no opset version");
  }
  for (const auto& opset : model.proto->opset_import()) {
    const std::string domain = opset.domain() == "ai.onnx" ? "" : opset.domain();
    model.opsets[domain] = opset.version();
  }
  return model;
}

}  // namespace

Result<Model> read(const std::string& path) {
  std::error_code ec;
  const auto status = std::filesystem::status(path, ec);
  if (!std::filesystem::exists(status)) return error(Code::not_found, "'" + path + "': no such file");
  if (std::filesystem::is_directory(status))
    return error(Code::io, "'" + path + "' is a directory, expected an .onnx file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return error(Code::io, "'" + path + "' cannot be opened: " + std::strerror(errno));
  if (file.peek() == std::ifstream::traits_type::eof()) return error(Code::corrupt_file, "'" + path + "' is empty");

  google::protobuf::io::IstreamInputStream stream(&file);
  NBL_TRY(Model model, parse(stream, "'" + path + "'"));
  model.folder = std::filesystem::path(path).parent_path().string();
  return model;
}

Result<Model> read(std::span<const std::byte> bytes, const std::string& folder) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return error(Code::invalid_argument, "the model is larger than 2 GB");
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  NBL_TRY(Model model, parse(stream, "the model"));
  model.folder = folder;
  return model;
}

Result<DType> element_type(int32_t type) {
  using P = ::onnx::TensorProto;
  switch (type) {
    case P::FLOAT:
    case P::DOUBLE:
    case P::FLOAT16:
    case P::BFLOAT16: return DType::f32;
    case P::INT8: return DType::i8;
    case P::UINT8: return DType::u8;
    case P::INT16:
    case P::UINT16:
    case P::INT32:
    case P::UINT32:
    case P::INT64:
    case P::UINT64: return DType::i64;
    case P::BOOL: return DType::boolean;
    default: break;
  }
  const std::string name =
      P::DataType_IsValid(type) ? P::DataType_Name(static_cast<P::DataType>(type)) : std::to_string(type);
  return error(Code::unsupported_op, "element type " + name + " is not supported");
}

}  // namespace nibble::onnx_import

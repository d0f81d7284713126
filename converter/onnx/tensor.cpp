// TensorProto -> constant, from any of the places where ONNX may keep the values.
#include <onnx/onnx_pb.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "converter/onnx/read.h"
#include "core/half.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

using P = ::onnx::TensorProto;

Error error(Code code, std::string message) { return {code, std::move(message)}; }

size_t raw_element_bytes(int32_t type) {
  switch (type) {
    case P::DOUBLE:
    case P::INT64:
    case P::UINT64: return 8;
    case P::FLOAT:
    case P::INT32:
    case P::UINT32: return 4;
    case P::FLOAT16:
    case P::BFLOAT16:
    case P::INT16:
    case P::UINT16: return 2;
    default: return 1;
  }
}

Result<int64_t> parse_number(const std::string& key, const std::string& text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) {
    return error(Code::corrupt_file, "external data: " + key + " is '" + text + "', expected a number");
  }
  return static_cast<int64_t>(std::stoll(text));
}

// External files are confined to the model's folder, links included.
Result<std::string> read_external(const P& tensor, const std::string& folder, uint64_t expected) {
  std::string location;
  int64_t offset = 0, length = -1;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") {
      NBL_TRY(offset, parse_number("offset", entry.value()));
    }
    if (entry.key() == "length") {
      NBL_TRY(length, parse_number("length", entry.value()));
    }
  }
  namespace fs = std::filesystem;
  std::error_code ec;
  const fs::path base = fs::weakly_canonical(folder.empty() ? fs::path(".") : fs::path(folder), ec);
  const fs::path file = fs::weakly_canonical(base / location, ec);
  const fs::path relative = file.lexically_relative(base);
  if (location.empty() || fs::path(location).is_absolute() || relative.empty() || *relative.begin() == "..") {
    return error(Code::invalid_argument, "external data '" + location + "' lies outside the model's folder");
  }
  if (!fs::is_regular_file(file, ec)) return error(Code::not_found, "external data file '" + location + "' is missing");
  const uint64_t size = fs::file_size(file, ec);
  if (length >= 0 && static_cast<uint64_t>(length) != expected) {
    return error(Code::corrupt_file, format("external data '%s': length %lld, expected %llu bytes", location.c_str(),
                                            static_cast<long long>(length), static_cast<unsigned long long>(expected)));
  }
  if (static_cast<uint64_t>(offset) > size || expected > size - static_cast<uint64_t>(offset)) {
    return error(Code::corrupt_file, format("external data '%s' has %llu bytes, expected %llu from offset %lld",
                                            location.c_str(), static_cast<unsigned long long>(size),
                                            static_cast<unsigned long long>(expected), static_cast<long long>(offset)));
  }
  std::ifstream in(file, std::ios::binary);
  std::string out(expected, '\0');
  in.seekg(offset);
  if (!in.read(out.data(), static_cast<std::streamsize>(expected))) {
    return error(Code::io, "external data '" + location + "' cannot be read");
  }
  return out;
}

template <class T>
T load(const char* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

float raw_float(int32_t type, const char* at) {
  switch (type) {
    case P::DOUBLE: return static_cast<float>(load<double>(at));
    case P::FLOAT16: return float_from_half(load<uint16_t>(at));
    case P::BFLOAT16: return std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(at)) << 16);
    default: return load<float>(at);
  }
}

int64_t raw_int(int32_t type, const char* at) {
  switch (type) {
    case P::INT8: return load<int8_t>(at);
    case P::INT16: return load<int16_t>(at);
    case P::INT32: return load<int32_t>(at);
    case P::UINT16: return load<uint16_t>(at);
    case P::UINT32: return load<uint32_t>(at);
    case P::INT64:
    case P::UINT64: return load<int64_t>(at);
    default: return load<uint8_t>(at);
  }
}

template <class T>
void put(std::vector<std::byte>& out, size_t i, T value) {
  std::memcpy(out.data() + i * sizeof(T), &value, sizeof value);
}

void put_int(DType type, std::vector<std::byte>& out, size_t i, int64_t value) {
  if (type == DType::i64)
    put<int64_t>(out, i, value);
  else if (type == DType::boolean)
    put<uint8_t>(out, i, value != 0);
  else
    put<uint8_t>(out, i, static_cast<uint8_t>(value));
}

// Values from the typed fields (float_data and so on).
Status from_fields(const P& tensor, DType type, size_t count, std::vector<std::byte>& out) {
  const int32_t t = tensor.data_type();
  const size_t found = t == P::FLOAT                        ? static_cast<size_t>(tensor.float_data_size())
                       : t == P::DOUBLE                     ? static_cast<size_t>(tensor.double_data_size())
                       : t == P::INT64                      ? static_cast<size_t>(tensor.int64_data_size())
                       : (t == P::UINT64 || t == P::UINT32) ? static_cast<size_t>(tensor.uint64_data_size())
                                                            : static_cast<size_t>(tensor.int32_data_size());
  if (found != count) return error(Code::corrupt_file, format("expected %zu values, found %zu", count, found));
  for (size_t i = 0; i < count; ++i) {
    const int at = static_cast<int>(i);
    switch (t) {
      case P::FLOAT: put(out, i, tensor.float_data(at)); break;
      case P::DOUBLE: put(out, i, static_cast<float>(tensor.double_data(at))); break;
      case P::FLOAT16: put(out, i, float_from_half(static_cast<uint16_t>(tensor.int32_data(at)))); break;
      case P::BFLOAT16: put(out, i, std::bit_cast<float>(static_cast<uint32_t>(tensor.int32_data(at)) << 16)); break;
      case P::INT64: put(out, i, static_cast<int64_t>(tensor.int64_data(at))); break;
      case P::UINT32:
      case P::UINT64: put(out, i, static_cast<int64_t>(tensor.uint64_data(at))); break;
      default: put_int(type, out, i, tensor.int32_data(at)); break;
    }
  }
  return {};
}

}  // namespace

Result<Constant> read_tensor(const P& tensor, const std::string& folder) {
  Constant out;
  out.desc.name = tensor.name();
  NBL_TRY(out.desc.type, element_type(tensor.data_type()));
  uint64_t count = 1;
  for (int64_t d : tensor.dims()) {
    if (d < 0 || d > kMaxDim || (d > 0 && count > (uint64_t{1} << 34) / static_cast<uint64_t>(d))) {
      return error(Code::corrupt_file, format("a size of %lld is out of range", static_cast<long long>(d)));
    }
    count *= static_cast<uint64_t>(d);
    out.desc.shape.push_back(d);
  }
  const size_t raw_bytes = raw_element_bytes(tensor.data_type());
  std::string external;
  const std::string* raw = nullptr;
  if (tensor.data_location() == P::EXTERNAL) {
    NBL_TRY(external, read_external(tensor, folder, count * raw_bytes));
    raw = &external;
  } else if (tensor.has_raw_data()) {
    raw = &tensor.raw_data();
    if (raw->size() != count * raw_bytes) {
      return error(Code::corrupt_file, format("expected %llu bytes, found %zu",
                                              static_cast<unsigned long long>(count * raw_bytes), raw->size()));
    }
  } else if (count > (uint64_t{1} << 31)) {
    return error(Code::corrupt_file, "more values than a file can hold");
  } else {
    // Checked before anything is allocated: the values must be there.
    if (tensor.ByteSizeLong() < count)
      return error(Code::corrupt_file, format("expected %llu values", static_cast<unsigned long long>(count)));
  }
  out.bytes.resize(count * bytes_per_element(out.desc.type));
  if (!raw) {
    NBL_CHECK(from_fields(tensor, out.desc.type, count, out.bytes));
    return out;
  }
  if (tensor.data_type() == P::FLOAT || tensor.data_type() == P::INT64) {
    std::memcpy(out.bytes.data(), raw->data(), raw->size());
    return out;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const char* at = raw->data() + i * raw_bytes;
    if (out.desc.type == DType::f32)
      put(out.bytes, i, raw_float(tensor.data_type(), at));
    else
      put_int(out.desc.type, out.bytes, i, raw_int(tensor.data_type(), at));
  }
  return out;
}

}  // namespace nibble::onnx_import

#include "tools/tensor_values.h"

#include <cstring>
#include <limits>

#include "core/half.h"
#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"
#include "runtime/tensor_io.h"

namespace nibble::tools {
namespace {

// Calls use.operator()<T>() with the type that Session's read and write take for `type`.
template <class Use>
Status by_type(DType type, Use use) {
  switch (type) {
    case DType::f32: return use.template operator()<float>();
    case DType::f16: return use.template operator()<uint16_t>();
    case DType::i8: return use.template operator()<int8_t>();
    case DType::u8:
    case DType::boolean: return use.template operator()<uint8_t>();
    case DType::i32: return use.template operator()<int32_t>();
    case DType::i64: return use.template operator()<int64_t>();
    case DType::i4:
    case DType::lut4: break;
  }
  return Error{Code::internal, format("inputs and outputs of type %s cannot be read or written", to_string(type))};
}

// Through a vector of the type, so that the elements lie aligned.
template <class T>
std::vector<T> typed(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class T>
std::vector<std::byte> as_bytes(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<std::byte> quantized(const TensorInfo& info, std::span<const float> values) {
  std::vector<T> out;
  out.reserve(values.size());
  for (float value : values) {
    out.push_back(static_cast<T>(quantize(static_cast<double>(value), info.scale, info.zero_point,
                                          std::numeric_limits<T>::min(), std::numeric_limits<T>::max())));
  }
  return as_bytes(out);
}

Result<std::vector<std::byte>> narrowed(const TensorInfo& info, const media::NpyArray& array) {
  std::vector<int32_t> out;
  for (int64_t value : typed<int64_t>(array.data)) {
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
      return Error{Code::invalid_argument, format("input %s takes values of 32 bits, the file holds %lld",
                                                  describe(info).c_str(), static_cast<long long>(value))};
    }
    out.push_back(static_cast<int32_t>(value));
  }
  return as_bytes(out);
}

bool is_float(DType type) { return type == DType::f32 || type == DType::f16; }

}  // namespace

Result<std::vector<std::byte>> read_bytes(const Session& session, const TensorInfo& info) {
  std::vector<std::byte> bytes;
  NBL_CHECK(by_type(info.type, [&]<class T>() -> Status {
    std::vector<T> values(info.elements());
    NBL_CHECK(session.read(info.name, std::span<T>(values)));
    bytes = as_bytes(values);
    return {};
  }));
  return bytes;
}

Status write_bytes(Session& session, const TensorInfo& info, std::span<const std::byte> bytes) {
  return by_type(info.type, [&]<class T>() -> Status {
    const std::vector<T> values = typed<T>(bytes);
    return session.write(info.name, std::span<const T>(values));
  });
}

std::vector<float> to_real(const TensorInfo& info, std::span<const std::byte> bytes) {
  media::NpyArray array{info.type, info.shape, std::vector<std::byte>(bytes.begin(), bytes.end())};
  std::vector<float> values = media::to_floats(array);
  if (!info.quantized) return values;
  for (float& value : values) value = info.scale * (value - static_cast<float>(info.zero_point));
  return values;
}

Result<std::vector<std::byte>> from_real(const TensorInfo& info, std::span<const float> values) {
  if (info.type == DType::f32) return as_bytes(std::vector<float>(values.begin(), values.end()));
  if (info.type == DType::f16) {
    std::vector<uint16_t> out;
    for (float value : values) out.push_back(half_from_float(value));
    return as_bytes(out);
  }
  if (info.quantized && info.type == DType::i8) return quantized<int8_t>(info, values);
  if (info.quantized && info.type == DType::u8) return quantized<uint8_t>(info, values);
  return Error{Code::invalid_argument,
               format("input %s takes integers, real numbers were given", describe(info).c_str())};
}

Result<std::vector<std::byte>> elements_of(const TensorInfo& info, const media::NpyArray& array) {
  if (array.type == info.type) return array.data;
  if (is_float(array.type) && (is_float(info.type) || info.quantized)) return from_real(info, media::to_floats(array));
  if (array.type == DType::u8 && info.type == DType::boolean) return array.data;
  if (array.type == DType::i64 && info.type == DType::i32) return narrowed(info, array);
  if (array.type == DType::i32 && info.type == DType::i64) {
    const std::vector<int32_t> values = typed<int32_t>(array.data);
    return as_bytes(std::vector<int64_t>(values.begin(), values.end()));
  }
  return Error{Code::invalid_argument, format("input %s takes values of type %s, the file holds %s",
                                              describe(info).c_str(), to_string(info.type), to_string(array.type))};
}

}  // namespace nibble::tools

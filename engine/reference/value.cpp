#include "reference/value.h"

#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/text.h"
#include "core/try.h"
#include "format/packing.h"

namespace nibble::reference {

namespace {

template <class Element, class To>
void widen(std::span<const std::byte> bytes, std::vector<To>& out) {
  for (size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = static_cast<To>(element);
  }
}

template <class Element, class From>
void narrow(const std::vector<From>& in, std::vector<std::byte>& bytes) {
  for (size_t i = 0; i < in.size(); ++i) {
    const auto element = static_cast<Element>(in[i]);
    std::memcpy(bytes.data() + i * sizeof(Element), &element, sizeof(Element));
  }
}

template <class T>
void widen_half(std::span<const std::byte> bytes, std::vector<T>& out) {
  std::vector<uint16_t> bits(out.size());
  widen<uint16_t>(bytes, bits);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(float_from_half(bits[i]));
}

template <class T>
void narrow_half(const std::vector<T>& in, std::vector<std::byte>& bytes) {
  std::vector<uint16_t> bits(in.size());
  for (size_t i = 0; i < in.size(); ++i) bits[i] = half_from_float(static_cast<float>(in[i]));
  narrow<uint16_t>(bits, bytes);
}

}  // namespace

template <class T>
Result<BasicValue<T>> make_value(const TensorDesc& desc) {
  const Dim count = elements(desc.shape);
  if (!is_const(desc.shape) || !count.is_const()) {
    return Error{Code::invalid_argument, format("tensor '%s' of shape %s has a free dimension", desc.name.c_str(),
                                                to_string(desc.shape).c_str())};
  }
  if (count.value() < 0 || count.value() > kMaxElements) {
    return Error{Code::out_of_memory, format("tensor '%s' of shape %s: more than %lld elements", desc.name.c_str(),
                                             to_string(desc.shape).c_str(), static_cast<long long>(kMaxElements))};
  }
  BasicValue<T> out;
  out.desc = desc;
  out.desc.packing = Packing::plain;
  out.shape = values(desc.shape);
  const auto n = static_cast<size_t>(count.value());
  if (out.is_real()) {
    out.real.resize(n);
  } else {
    out.stored.resize(n);
  }
  return out;
}

template <class T>
Result<BasicValue<T>> value_from_bytes(const TensorDesc& desc, std::span<const std::byte> bytes) {
  NBL_TRY(BasicValue<T> out, make_value<T>(desc));
  const size_t expected = out.elements() * bytes_per_element(desc.type);
  if (bytes.size() != expected) {
    return Error{Code::invalid_argument,
                 format("tensor '%s' of type %s and shape %s: expected %zu bytes, found %zu", desc.name.c_str(),
                        to_string(desc.type), to_string(desc.shape).c_str(), expected, bytes.size())};
  }
  switch (desc.type) {
    case DType::f32: widen<float>(bytes, out.real); break;
    case DType::f16: widen_half(bytes, out.real); break;
    case DType::i8:
    case DType::i4: widen<int8_t>(bytes, out.stored); break;
    case DType::u8:
    case DType::lut4:
    case DType::boolean: widen<uint8_t>(bytes, out.stored); break;
    case DType::i32: widen<int32_t>(bytes, out.stored); break;
    case DType::i64: widen<int64_t>(bytes, out.stored); break;
  }
  return out;
}

template <class T>
std::vector<std::byte> value_bytes(const BasicValue<T>& value) {
  std::vector<std::byte> bytes(value.elements() * bytes_per_element(value.desc.type));
  switch (value.desc.type) {
    case DType::f32: narrow<float>(value.real, bytes); break;
    case DType::f16: narrow_half(value.real, bytes); break;
    case DType::i8:
    case DType::i4: narrow<int8_t>(value.stored, bytes); break;
    case DType::u8:
    case DType::lut4:
    case DType::boolean: narrow<uint8_t>(value.stored, bytes); break;
    case DType::i32: narrow<int32_t>(value.stored, bytes); break;
    case DType::i64: narrow<int64_t>(value.stored, bytes); break;
  }
  return bytes;
}

template <class T>
Result<BasicValue<T>> constant_value(const Tensor& tensor) {
  if (!tensor.is_constant()) {
    return Error{Code::internal, format("tensor '%s' is not a constant", tensor.desc.name.c_str())};
  }
  if (tensor.desc.packing == Packing::plain) return value_from_bytes<T>(tensor.desc, tensor.constant->bytes);
  NBL_TRY(const std::vector<std::byte> plain, unpack_weights(tensor.desc, tensor.constant->bytes));
  return value_from_bytes<T>(tensor.desc, plain);
}

template <class T>
std::vector<T> real_values(const BasicValue<T>& value) {
  if (value.is_real()) return value.real;
  std::vector<T> out(value.stored.size());
  const Quant& quant = value.desc.quant;
  if (quant.kind == Quant::Kind::none) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(value.stored[i]);
    return out;
  }
  size_t inner = 1;  // elements between two steps of the quantized axis
  for (size_t i = static_cast<size_t>(quant.axis) + 1; i < value.shape.size(); ++i) {
    inner *= static_cast<size_t>(value.shape[i]);
  }
  const size_t channels = quant.kind == Quant::Kind::per_tensor ? 1 : quant.scales.size();
  for (size_t i = 0; i < out.size(); ++i) {
    const auto scale = static_cast<T>(quant.scales[i / inner % channels]);
    out[i] = scale * static_cast<T>(value.stored[i] - quant.zero_point);
  }
  return out;
}

template Result<BasicValue<double>> make_value(const TensorDesc&);
template Result<BasicValue<float>> make_value(const TensorDesc&);
template Result<BasicValue<double>> value_from_bytes(const TensorDesc&, std::span<const std::byte>);
template Result<BasicValue<float>> value_from_bytes(const TensorDesc&, std::span<const std::byte>);
template std::vector<std::byte> value_bytes(const BasicValue<double>&);
template std::vector<std::byte> value_bytes(const BasicValue<float>&);
template Result<BasicValue<double>> constant_value(const Tensor&);
template Result<BasicValue<float>> constant_value(const Tensor&);
template std::vector<double> real_values(const BasicValue<double>&);
template std::vector<float> real_values(const BasicValue<float>&);

}  // namespace nibble::reference

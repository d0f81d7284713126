// Tensors of the oracle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::reference {

// No tensor of the oracle is larger: 2 GiB in double.
inline constexpr int64_t kMaxElements = int64_t{1} << 28;

// Row-major elements. T is double in the oracle and float where speed counts (converter/execute).
template <class T>
struct BasicValue {
  TensorDesc desc;              // of fixed shape and plain packing
  std::vector<int64_t> shape;   // desc.shape as numbers
  std::vector<T> real;          // f32 and f16
  std::vector<int64_t> stored;  // all other types: integers as stored, i4 sign-extended, bool 0 or 1

  bool is_real() const { return desc.type == DType::f32 || desc.type == DType::f16; }
  size_t elements() const { return is_real() ? real.size() : stored.size(); }
};
using Value = BasicValue<double>;
using FloatValue = BasicValue<float>;

// Zeros. An error for a free dimension and beyond kMaxElements.
template <class T>
Result<BasicValue<T>> make_value(const TensorDesc& desc);

// From elements as a host or an .npy file holds them: little-endian, i4 one byte each.
template <class T>
Result<BasicValue<T>> value_from_bytes(const TensorDesc& desc, std::span<const std::byte> bytes);

// The same, back; f16 is rounded to nearest even.
template <class T>
std::vector<std::byte> value_bytes(const BasicValue<T>& value);

// A constant in plain order, whatever order it is packed in.
template <class T>
Result<BasicValue<T>> constant_value(const Tensor& tensor);

// The numbers the elements stand for: i8 and u8 with a quantization are dequantized (i4 needs its group multipliers,
// see conv_weights.h). Other integers are their own value.
template <class T>
std::vector<T> real_values(const BasicValue<T>& value);

}  // namespace nibble::reference

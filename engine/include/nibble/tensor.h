// Value types of tensors as an application sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nibble/export.h"

namespace nibble {

// Element types. The numbers are stored in files: append, never renumber.
enum class DType : uint8_t {
  f32 = 0,
  f16 = 1,
  i8 = 2,
  u8 = 3,
  i4 = 4,  // weights only: two's complement nibbles, eight to a 32-bit word when packed
  i32 = 5,
  i64 = 6,
  boolean = 7,
  lut4 = 8,  // weights only: nibbles that name one of 16 entries of a codebook; packed as i4 is
};
inline constexpr int kDTypeCount = 9;

NBL_API const char* to_string(DType type);

// Bytes of one element in memory of the host; i4 and lut4 count as one byte there (they are only ever
// packed in files).
NBL_API size_t bytes_per_element(DType type);

// An input or output of a model.
struct TensorInfo {
  std::string name;
  DType type = DType::f32;
  std::vector<int64_t> shape;     // sizes as bound in the session (or by default: free dimensions count as 1)
  std::vector<std::string> dims;  // the same as text: "3", "N", "floor((H+1)/2)"
  bool quantized = false;         // for i8 and u8: real = scale * (stored - zero_point)
  float scale = 1.0f;
  int32_t zero_point = 0;

  size_t elements() const {
    size_t n = 1;
    for (int64_t d : shape) n *= static_cast<size_t>(d);
    return n;
  }
  size_t bytes() const { return elements() * bytes_per_element(type); }
};

}  // namespace nibble

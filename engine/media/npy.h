// NumPy's .npy files: one array, memory layout row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble::media {

struct NpyArray {
  DType type = DType::f32;
  std::vector<int64_t> shape;   // empty for a single number
  std::vector<std::byte> data;  // row-major, of the host's byte order

  size_t elements() const;
};

// Versions 1 to 3, little-endian f2 f4 f8 i1 u1 i2 u2 i4 i8 b1; f8 becomes f32, i2 and u2 become i32, Fortran order
// becomes row-major. Everything else (big-endian, u4, u8, complex, text, objects, records) is refused by name, and so
// is a file whose length is not what header and shape demand.
Result<NpyArray> read_npy(const std::string& path);
Result<NpyArray> parse_npy(std::span<const uint8_t> bytes);

// Version 1.0. `bytes` holds elements(shape) * bytes_per_element(type) bytes; i4 has no counterpart and is refused.
Result<std::vector<uint8_t>> encode_npy(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes);
Status write_npy(const std::string& path, DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes);

// The values as float32; integers are converted, booleans become 0 and 1.
std::vector<float> to_floats(const NpyArray& array);

// A tensor's name as a file name without extension: everything but letters, digits, '.', '_' and '-' becomes '_', and
// so does a leading '.'; an empty name becomes "_".
std::string safe_file_name(const std::string& tensor_name);

// safe_file_name of each, made distinct: a name that is taken gets "_2", "_3" and so on behind it.
std::vector<std::string> safe_file_names(std::span<const std::string> tensor_names);

}  // namespace nibble::media

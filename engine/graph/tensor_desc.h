// What a tensor is: element type, shape, quantization, and for packed constants the order of its elements.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/dim.h"
#include "nibble/tensor.h"

namespace nibble {

// How stored integers map to real numbers.
//   per_tensor:  real = scales[0] * (q - zero_point)
//   per_channel: real = scales[c] * q, c the index along `axis`
//   per_group:   real = scales[c] * multiplier[c][g] * q; the 8-bit multipliers are a tensor of their own, see Conv2d;
//                g counts `group_size` steps along the reduction in packed order (format/FORMAT.md)
struct Quant {
  enum class Kind : uint8_t { none = 0, per_tensor = 1, per_channel = 2, per_group = 3 };
  Kind kind = Kind::none;
  int32_t axis = 0;
  int32_t group_size = 0;
  int32_t zero_point = 0;
  std::vector<float> scales;

  static Quant tensor(float scale, int32_t zero_point) { return {Kind::per_tensor, 0, 0, zero_point, {scale}}; }
  static Quant channel(int32_t axis, std::vector<float> scales) {
    return {Kind::per_channel, axis, 0, 0, std::move(scales)};
  }
  float scale() const { return scales.empty() ? 1.0f : scales[0]; }
  bool operator==(const Quant&) const = default;
};

// Weights of four bits: two in a byte once packed.
inline bool is_nibbles(DType type) { return type == DType::i4 || type == DType::lut4; }

// Order of the elements of a constant. Stored in files: append only. Defined in format/FORMAT.md, made by
// format/packing.
enum class Packing : uint8_t {
  plain = 0,              // row-major, as the shape says
  blocked = 1,            // weights [O, I, kh, kw] or [N, K]: [O/4][kh][kw][I/4][4 o][4 i], padded with zeros
  depthwise = 2,          // weights [C, 1, kh, kw]: [C/4][kh][kw][4 c], padded with zeros
  group_multipliers = 3,  // u8 [O, G]: [O/4][G][4 o], padded with zeros
};

struct TensorDesc {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  Quant quant;
  Packing packing = Packing::plain;
};

// Bytes of a constant or a view into a mapped file; `owner` keeps them alive.
struct ConstantData {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  static ConstantData own(std::vector<std::byte> bytes);
  template <class T>
  static ConstantData of(const std::vector<T>& values) {
    const auto* first = reinterpret_cast<const std::byte*>(values.data());
    return own(std::vector<std::byte>(first, first + values.size() * sizeof(T)));
  }
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

}  // namespace nibble

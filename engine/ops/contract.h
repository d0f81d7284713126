// What every operator's header builds on: its inputs as infer() sees them, its outputs, and the fused activation.
//
// An operator is a plain struct with one visit() that names each attribute once; files, text dumps, equality and
// hashing all go through it. Attribute types: bool, int32_t, float, an enum of int32_t, std::vector<int64_t>,
// std::vector<float>, Shape. A default that equals the field's initializer is not written to files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/tensor_desc.h"
#include "nibble/result.h"

namespace nibble {

// Inputs of a node: null where an optional one is absent. `declared` holds the outputs as they stand in the graph or
// file, empty when the node is new: type and quantization are taken from there where the operator leaves the choice.
struct Inputs {
  std::span<const TensorDesc* const> descs;
  std::span<const TensorDesc> declared;

  size_t size() const { return descs.size(); }
  bool has(size_t i) const { return i < descs.size() && descs[i] != nullptr; }
  const TensorDesc& operator[](size_t i) const { return *descs[i]; }
};

using Outputs = std::vector<TensorDesc>;  // names are ignored

enum class UnaryKind : int32_t {
#define NBL_UNARY(id, name, formula) name = id,
#include "../../shaders/unary.inc"
#undef NBL_UNARY
};

enum class BinaryKind : int32_t {
#define NBL_BINARY(id, name, formula) name = id,
#include "../../shaders/binary.inc"
#undef NBL_BINARY
};

const char* to_string(UnaryKind kind);
const char* to_string(BinaryKind kind);
bool is_valid(UnaryKind kind);
bool is_valid(BinaryKind kind);

// A scalar function applied to the result before it is stored; float nodes only (integer nodes clamp, see ClampRange).
struct Activation {
  UnaryKind kind = UnaryKind::identity;
  float a = 0.0f;
  float b = 0.0f;
  template <class V>
  void visit(V& v) {
    v("activation", kind);
    v("activation_a", a);
    v("activation_b", b);
  }
  bool operator==(const Activation&) const = default;
};

// The last step of integer nodes: y = clamp(z_y + ..., min, max). A fused ReLU or Clip lives in these bounds.
struct ClampRange {
  int32_t min = -127;
  int32_t max = 127;
  template <class V>
  void visit(V& v) {
    v("out_min", min);
    v("out_max", max);
  }
  bool operator==(const ClampRange&) const = default;
};

}  // namespace nibble

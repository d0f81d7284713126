// Elementwise function of one tensor.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: x any shape; [table] 256 entries, or [C, 256] with one row per index of axis 1.
// With a table (i8 or u8, the type that y gets) the node is an integer one: y = table[x + 128] for i8 x, table[x] for
// u8 x; kind only says what it means.
struct Unary {
  UnaryKind kind = UnaryKind::identity;
  float a = 0.0f;
  float b = 0.0f;
  template <class V>
  void visit(V& v) {
    v("kind", kind);
    v("a", a);
    v("b", b);
  }
};
Result<Outputs> infer(const Unary& op, Inputs inputs);
AxisMap axes(const Unary& op, Inputs inputs);

}  // namespace nibble

// Repeats unit axes to a given shape (NumPy broadcasting of one tensor).
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

struct Expand {
  Shape shape;  // the output's shape in full
  template <class V>
  void visit(V& v) {
    v("shape", shape);
  }
};
Result<Outputs> infer(const Expand& op, Inputs inputs);
AxisMap axes(const Expand& op, Inputs inputs);

}  // namespace nibble

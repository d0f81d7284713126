// Another shape over the same elements in row-major order (also Flatten, Squeeze, Unsqueeze).
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

struct Reshape {
  Shape shape;  // every dimension explicit, possibly symbolic
  template <class V>
  void visit(V& v) {
    v("shape", shape);
  }
};
Result<Outputs> infer(const Reshape& op, Inputs inputs);
AxisMap axes(const Reshape& op, Inputs inputs);

}  // namespace nibble

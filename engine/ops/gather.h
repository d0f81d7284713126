// Picks slices along one axis by index; negative indices count from the end, others out of range read as clamped.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: data; indices i32 or i64 of any shape. Output: data's shape with `axis` replaced by the indices' shape.
struct Gather {
  int32_t axis = 0;  // 0..rank-1
  template <class V>
  void visit(V& v) {
    v("axis", axis);
  }
};
Result<Outputs> infer(const Gather& op, Inputs inputs);
AxisMap axes(const Gather& op, Inputs inputs);

}  // namespace nibble

// Joins tensors along one axis.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// i8 inputs must all have the output's quantization (the converter sees to it).
struct Concat {
  int32_t axis = 1;  // 0..rank-1
  template <class V>
  void visit(V& v) {
    v("axis", axis);
  }
};
Result<Outputs> infer(const Concat& op, Inputs inputs);
AxisMap axes(const Concat& op, Inputs inputs);

}  // namespace nibble

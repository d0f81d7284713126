// Index of the largest (or smallest) element along one axis.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Output i64 (i32 on the device). Works on stored integers for i8.
struct ArgReduce {
  int32_t axis = 0;  // 0..rank-1
  bool minimum = false;
  bool keep_dims = true;
  bool last_index = false;  // of several equal ones take the last
  template <class V>
  void visit(V& v) {
    v("axis", axis);
    v("minimum", minimum);
    v("keep_dims", keep_dims);
    v("last_index", last_index);
  }
};
Result<Outputs> infer(const ArgReduce& op, Inputs inputs);
AxisMap axes(const ArgReduce& op, Inputs inputs);

}  // namespace nibble

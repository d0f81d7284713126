// Reductions over whole axes, among them global pooling.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

enum class ReduceKind : int32_t {
  mean = 0,
  sum = 1,
  max = 2,
  min = 3,
  sum_square = 4,
  l1 = 5,
  l2 = 6,
  prod = 7,
  log_sum_exp = 8
};

// axes: distinct, in 0..rank-1, ascending. i8: mean as average pooling; max and min keep the quantization; others
// float.
struct Reduce {
  ReduceKind kind = ReduceKind::mean;
  std::vector<int64_t> axes;
  bool keep_dims = true;
  ClampRange clamp;
  template <class V>
  void visit(V& v) {
    v("kind", kind);
    v("axes", axes);
    v("keep_dims", keep_dims);
    clamp.visit(v);
  }
};
Result<Outputs> infer(const Reduce& op, Inputs inputs);
AxisMap axes(const Reduce& op, Inputs inputs);

}  // namespace nibble

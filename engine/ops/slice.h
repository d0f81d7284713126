// A strided part of a tensor: y[i...] = x[starts + i * steps ...].
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// One entry per axis each; steps may be negative, then starts is the last index read first.
struct Slice {
  Shape starts;
  std::vector<int64_t> steps;
  Shape sizes;  // output shape
  template <class V>
  void visit(V& v) {
    v("starts", starts);
    v("steps", steps);
    v("sizes", sizes);
  }
};
Result<Outputs> infer(const Slice& op, Inputs inputs);
AxisMap axes(const Slice& op, Inputs inputs);

}  // namespace nibble

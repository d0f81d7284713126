// Softmax and log-softmax along one axis. Float only.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

struct Softmax {
  int32_t axis = -1;  // negative counts from the last axis
  bool log = false;
  template <class V>
  void visit(V& v) {
    v("axis", axis);
    v("log", log);
  }
};
Result<Outputs> infer(const Softmax& op, Inputs inputs);
AxisMap axes(const Softmax& op, Inputs inputs);

}  // namespace nibble

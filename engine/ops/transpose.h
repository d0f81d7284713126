// Permutation of axes: output axis i is input axis perm[i].
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

struct Transpose {
  std::vector<int64_t> perm;
  template <class V>
  void visit(V& v) {
    v("perm", perm);
  }
};
Result<Outputs> infer(const Transpose& op, Inputs inputs);
AxisMap axes(const Transpose& op, Inputs inputs);

}  // namespace nibble

// Matrix product of two computed tensors with broadcast batch dimensions, as ONNX MatMul.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: a [..., M, K], b [..., K, N], rank 2 or more (the importer adds and drops unit axes for vectors). Float only.
struct MatMul {
  bool transpose_a = false;  // a is [..., K, M]
  bool transpose_b = false;  // b is [..., N, K]
  template <class V>
  void visit(V& v) {
    v("transpose_a", transpose_a);
    v("transpose_b", transpose_b);
  }
};
Result<Outputs> infer(const MatMul& op, Inputs inputs);
AxisMap axes(const MatMul& op, Inputs inputs);

}  // namespace nibble

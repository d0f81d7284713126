// Instance and group normalization: zero mean, unit variance over the spatial axes of each group of channels. Float
// only.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: x [N, C, ...]; [scale] constant f32 [C]; [bias] constant f32 [C]. groups = 0: each channel by itself.
struct InstanceNorm {
  int32_t groups = 0;
  float epsilon = 1e-5f;
  Activation activation;
  template <class V>
  void visit(V& v) {
    v("groups", groups);
    v("epsilon", epsilon);
    activation.visit(v);
  }
};
Result<Outputs> infer(const InstanceNorm& op, Inputs inputs);
AxisMap axes(const InstanceNorm& op, Inputs inputs);

}  // namespace nibble

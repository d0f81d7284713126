// Matrix product with constant weights: y[..., n] = sum over k of x[..., k] * w[n, k], plus bias.
#pragma once
#include "ops/axis_map.h"
#include "ops/conv2d.h"

namespace nibble {

// Slots: conv_input, x [..., K], weights [N, K]. Integer nodes as for Conv2d.
struct Linear {
  Activation activation;
  ClampRange clamp;
  template <class V>
  void visit(V& v) {
    activation.visit(v);
    clamp.visit(v);
  }
};
Result<Outputs> infer(const Linear& op, Inputs inputs);
AxisMap axes(const Linear& op, Inputs inputs);

}  // namespace nibble

// Layer normalization over all axes from `axis` on. Float only.
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

// Inputs: x; [scale], [bias] constants f32 of the normalized axes' shape. rms: no mean is subtracted (RMSNorm).
struct LayerNorm {
  int32_t axis = -1;
  float epsilon = 1e-5f;
  bool rms = false;
  template <class V>
  void visit(V& v) {
    v("axis", axis);
    v("epsilon", epsilon);
    v("rms", rms);
  }
};
Result<Outputs> infer(const LayerNorm& op, Inputs inputs);
AxisMap axes(const LayerNorm& op, Inputs inputs);

}  // namespace nibble

// Padding, as ONNX Pad without negative amounts (the importer makes those a Slice).
#pragma once
#include "ops/axis_map.h"
#include "ops/contract.h"

namespace nibble {

enum class PadMode : int32_t { constant = 0, reflect = 1, edge = 2, wrap = 3 };

// One entry per axis each. i8: the constant is stored as real value and must be representable; quantization is kept.
struct Pad {
  PadMode mode = PadMode::constant;
  std::vector<int64_t> begins;
  std::vector<int64_t> ends;
  float value = 0.0f;
  template <class V>
  void visit(V& v) {
    v("mode", mode);
    v("begins", begins);
    v("ends", ends);
    v("value", value);
  }
};
Result<Outputs> infer(const Pad& op, Inputs inputs);
AxisMap axes(const Pad& op, Inputs inputs);

}  // namespace nibble

// Ranges of activations, as calibration finds them.
#pragma once

#include <cstdint>
#include <map>

#include "graph/graph.h"

namespace nibble::quantization {

struct Range {
  float low = 0.0f;
  float high = 0.0f;
};

using Ranges = std::map<TensorId, Range>;

// Scale and zero point of a range that is widened to hold 0, so that padding and ReLU are exact. Stored integers lie in
// [-127, 127]: a range of one sign uses all of them.
struct ActivationQuant {
  float scale = 1.0f;
  int32_t zero_point = 0;
  int32_t min = -127;  // -128 only where a network came with such scales
  int32_t max = 127;
  bool operator==(const ActivationQuant&) const = default;
};
ActivationQuant choose_quant(Range range);

}  // namespace nibble::quantization

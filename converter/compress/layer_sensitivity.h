// What each layer costs by itself.
#pragma once

#include <map>
#include <string>

#include "converter/compress/compression.h"

namespace nibble::compress {

struct Sensitivity {
  size_t samples = 0;                   // 0: not measured, it would take too long
  std::map<std::string, double> noise;  // by node: noise / signal of the outputs
};

// For each layer with weights: the float network that was quantized, with this layer's weights as they are stored and
// its output rounded to its stored scale, against the same network untouched. Runs on this processor. Samples are as
// many as fit a fixed number of multiply-adds, at most 4, so that the same input gives the same figures.
Result<Sensitivity> layer_sensitivity(const Compression& c);

}  // namespace nibble::compress

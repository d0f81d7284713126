// Tensors of two networks on common ground: real numbers, whatever each of them stores.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "media/preprocess.h"
#include "nibble/session.h"
#include "reference/value.h"

namespace nibble::report {

struct RealTensor {
  std::string name;
  DType type = DType::f32;  // as the network stores it
  bool quantized = false;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// Quantized integers become the numbers they stand for, others keep their value.
RealTensor real_tensor(const reference::FloatValue& value);
Result<RealTensor> real_tensor(const TensorValues& values);

// Bytes that are pixels (u8 without a scale).
bool holds_pixels(DType type, bool quantized);

// A picture network's output bytes as the values the preprocessing's "output" made them from.
void pixels_to_values(const media::Preprocessing& preprocessing, std::vector<float>& pixels);

// A sample's value in the form that an input `wanted` takes: rounded to its integers by its scale, or to pixels by the
// inverse of the preprocessing's mean and std where it takes bytes. The shape is the same.
reference::FloatValue fitted(const reference::FloatValue& value, const TensorDesc& wanted,
                             const media::Preprocessing& preprocessing);

}  // namespace nibble::report

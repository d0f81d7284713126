// Which format a node's weights get, and their constants in the graph.
#pragma once

#include <string>
#include <vector>

#include "converter/quantize/quantize.h"
#include "converter/quantize/weights.h"
#include "ops/op.h"

namespace nibble::quantization {

bool has_weights(const Node& node);  // Conv2d, ConvTranspose2d, Linear with constant weights slot
int32_t groups_of(const Node& node);

struct Choice {
  WeightFormat format;
  std::string reason;       // empty when it is what was asked for
  int32_t group_size = 32;  // int4
};
Choice choose_format(const Graph& graph, const Node& node, const Options& options);

// Rounds f32 weights to int8 or int4, honouring scales that came with them.
QuantizedWeights round_weights(const Graph& graph, const Node& node, WeightFormat format, int32_t group_size);

// Adds the weights (and, for int4, the group multipliers) as constants; returns their ids (kNoTensor for none).
struct WeightConstants {
  TensorId weights = kNoTensor;
  TensorId group_multipliers = kNoTensor;
};
WeightConstants add_weight_constants(Graph& graph, const QuantizedWeights& weights, const Shape& shape);

TensorId add_f32(Graph& graph, Shape shape, const std::vector<float>& values);
TensorId add_i32(Graph& graph, const std::vector<int32_t>& values);
TensorId add_u8(Graph& graph, const std::vector<uint8_t>& values);
TensorId add_f16(Graph& graph, Shape shape, std::span<const float> values);

}  // namespace nibble::quantization

// Which format a node's weights get, and their constants in the graph.
#pragma once

#include <string>
#include <vector>

#include "converter/quantize/quantize.h"
#include "converter/quantize/weights.h"
#include "ops/op.h"

namespace nibble::quantization {

bool has_weights(const Node& node);
// An error that names the first layer with a float weight or bias that is NaN or infinite: rounding says nothing
// sensible of those.
Status check_finite(const Graph& graph);  // Conv2d, ConvTranspose2d, Linear with constant weights slot
int32_t groups_of(const Node& node);

struct Choice {
  WeightFormat format;
  std::string reason;       // empty when it is what was asked for
  int32_t group_size = 32;  // int4
};
Choice choose_format(const Graph& graph, const Node& node, const Options& options);

// int8 or int4 weights in the chosen format: those of options.rounded, else the f32 weights rounded to nearest,
// honouring scales that came with them. An error where options.rounded holds another format or size than was chosen.
Result<QuantizedWeights> round_weights(const Graph& graph, const Node& node, const Choice& choice,
                                       const Options& options);
// Scales that the weights came with, one or one per output; empty: none that fit.
std::span<const float> own_scales(const Tensor& weights);
// Weights of this node that were rounded elsewhere, where they are to be taken; null: none.
const RoundedLayer* rounded_elsewhere(const Graph& graph, const Node& node, const Options& options);
// The bias that goes with them, one per output: that of options.rounded, else the node's own, else zeros.
Result<std::vector<float>> bias_of(const Graph& graph, const Node& node, const Options& options);

// Adds the weights (and, for int4, the group multipliers) as constants; returns their ids (kNoTensor for none).
struct WeightConstants {
  TensorId weights = kNoTensor;
  TensorId group_multipliers = kNoTensor;  // or the codebook, which has the same slot
};
WeightConstants add_weight_constants(Graph& graph, const QuantizedWeights& weights, const Shape& shape);

TensorId add_f32(Graph& graph, Shape shape, const std::vector<float>& values);
TensorId add_i32(Graph& graph, const std::vector<int32_t>& values);
TensorId add_u8(Graph& graph, const std::vector<uint8_t>& values);
TensorId add_f16(Graph& graph, Shape shape, std::span<const float> values);

}  // namespace nibble::quantization

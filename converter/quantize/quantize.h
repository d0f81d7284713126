// From the float graph to the graph that is stored: weights rounded, activations in float, fp16 or int8.
#pragma once

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "converter/quantize/ranges.h"
#include "converter/quantize/weights.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::quantization {

// lut4: four bits that name an entry of a codebook. ternary, sign: -1, 0, 1 or -1, 1 times a scale, stored as lut4.
enum class WeightFormat { fp32, fp16, int8, int4, lut4, ternary, sign };
inline constexpr WeightFormat kWeightFormats[] = {WeightFormat::fp32, WeightFormat::fp16, WeightFormat::int8,
                                                  WeightFormat::int4, WeightFormat::lut4, WeightFormat::ternary,
                                                  WeightFormat::sign};
enum class ActivationFormat { real, fp16, int8 };
const char* to_string(WeightFormat format);
const char* to_string(ActivationFormat format);

// lut4, ternary, sign: stored as indices into a codebook.
bool has_codebook(WeightFormat format);

// Bytes of pictures as input or output of the network itself: real = factor[c] * byte + offset[c], c the index of axis
// 1 (one value: the same for all).
struct BytePixels {
  std::vector<float> factor;
  std::vector<float> offset;
};

// The format of one layer's weights.
struct LayerFormat {
  WeightFormat format = WeightFormat::int8;
  int32_t group_size = 32;  // int4: 32, 64 or 128
  bool operator==(const LayerFormat&) const = default;
};

// A layer whose weights were rounded elsewhere (converter/rounding): taken as they are.
struct RoundedLayer {
  QuantizedWeights weights;
  std::vector<float> bias;  // one per output, in place of the layer's own; empty: the layer's own
};

struct Options {
  WeightFormat weights = WeightFormat::int8;
  ActivationFormat activations = ActivationFormat::int8;
  int32_t group_size = 32;  // int4: 32, 64 or 128
  // By node name: in place of `weights` and `group_size`. What int4 cannot express stays int8; `keep_wide` goes before.
  std::map<std::string, LayerFormat> layers;
  // By node name, in the format that choose_format gives the node; other nodes are rounded to nearest.
  std::map<std::string, RoundedLayer> rounded;
  // Scales of activations and weights are powers of two, but for those that the network brings. int8 and
  // int4 layers rounded elsewhere are rounded to nearest instead.
  bool power_of_two = false;
  std::vector<std::regex> keep_wide;      // nodes whose name matches get the next wider format
  std::optional<BytePixels> byte_input;   // the first input takes uint8 pixels
  std::optional<BytePixels> byte_output;  // the first output gives uint8 pixels (int8 activations only)
};

// What became of one node with weights, or of one that could not be computed in integers.
struct Decision {
  std::string node;
  std::string op;
  WeightFormat weights = WeightFormat::fp32;
  int32_t group_size = 0;  // int4 only
  ActivationFormat activations = ActivationFormat::real;
  std::string reason;  // why it is wider than what was asked for; empty when it is not
};

struct Quantized {
  Graph graph;  // plain packing
  std::vector<Decision> decisions;
};

// `ranges` holds the range of every float tensor of `graph`; needed for int8 activations only, and not for tensors that
// carry scales of their own (QDQ). Tensors keep their names: the integer form of a graph output gets ":i8" behind it.
Result<Quantized> quantize(const Graph& graph, const Ranges& ranges, const Options& options);

// True when the graph came quantized (QuantizeLinear nodes) and needs no calibration where they stand.
bool has_own_scales(const Graph& graph);

}  // namespace nibble::quantization

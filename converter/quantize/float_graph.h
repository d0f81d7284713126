// The part of quantize() for float and fp16 activations.
#pragma once

#include "converter/quantize/formats.h"

namespace nibble::quantization {

// Puts a float node's weights into the chosen format.
Result<Decision> narrow_weights(Graph& graph, Node& node, const Choice& choice, const Options& options);

Result<Quantized> quantize_float(const Graph& graph, const Options& options);

}  // namespace nibble::quantization

// How the quantized network's activations differ from the float network's.
#pragma once

#include <optional>
#include <vector>

#include "converter/execute/executor.h"
#include "converter/quantize/quantize.h"

namespace nibble::rounding {

// By tensor: the scales that the integer network stores it with; nothing where it stays float.
using StoredScales = std::vector<std::optional<quantization::ActivationQuant>>;
StoredScales stored_scales(const Graph& graph, const quantization::Ranges& ranges,
                           const quantization::Options& options);

// Replaces every value by the nearest that is stored.
void quantize_values(const quantization::ActivationQuant& quant, std::span<float> values);
// The stored integers of values that quantize_values left, and back: the same floats.
std::vector<int8_t> to_stored(const quantization::ActivationQuant& quant, std::span<const float> values);
void from_stored(const quantization::ActivationQuant& quant, std::span<const int8_t> stored, std::span<float> values);

// An editor for the float graph of the rounded weights, which then computes what the integer network computes, up to
// ties and the rounding of biases. `scales` must outlive it.
TensorEditor quantizing_editor(const StoredScales& scales);

}  // namespace nibble::rounding

// Scales that are powers of two: requantization then is a shift.
#pragma once

#include "converter/quantize/ranges.h"
#include "converter/quantize/weights.h"

namespace nibble::quantization {

// The smallest power of two that is not below v; v > 0.
float power_of_two_above(double v);

// The same range in steps that are a power of two: up to twice as coarse.
ActivationQuant choose_power_of_two_quant(Range range);

// As round_int8 and round_int4, with scales (and multipliers) that are powers of two.
QuantizedWeights round_int8_power_of_two(std::span<const float> weights, int64_t outputs, int64_t inputs,
                                         int64_t kernel);
QuantizedWeights round_int4_power_of_two(std::span<const float> weights, int64_t outputs, int64_t inputs,
                                         int64_t kernel, int32_t group_size);

}  // namespace nibble::quantization

// What a quantized network computes, as a float network: fast to run on the processor, and near enough to the integers
// to tell candidates of a search apart.
#pragma once

#include "converter/quantize/quantize.h"

namespace nibble::search {

// `graph` with weights rounded as `options` say and stored as the real numbers that they stand for; with int8
// activations, tensors that integer nodes read or make are rounded to their scales as well. What is missing is the
// rounding inside a node: multipliers in fixed point, tables. Takes what quantize() takes.
Result<Graph> simulate(const Graph& graph, const quantization::Ranges& ranges, const quantization::Options& options);

}  // namespace nibble::search

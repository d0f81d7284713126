// Whether arithmetic on data can give infinity or NaN, as far as it shows when converting.
#pragma once

#include <string>

#include "graph/graph.h"

namespace nibble::onnx_import {

// Follows a float tensor back through elementwise arithmetic, reductions and what moves elements, to what is taken for
// finite: inputs, and results of convolutions, products of matrices, pools and normalizations. Empty when nothing on
// the way leaves the finite numbers; else what does, as "Log 'name' of values that need not be above 0". An argument
// that Clip, Max, Relu, an added constant and the like keep in bounds is none.
std::string not_finite(const Graph& graph, TensorId id);

}  // namespace nibble::onnx_import

// What infer() of several operators checks in the same way. Messages name the thing, what was expected, what was found;
// whoever calls infer() puts the node's name in front.
#pragma once

#include <initializer_list>
#include <string>

#include "ops/contract.h"

namespace nibble {

inline constexpr size_t kMaxRank = 8;  // index arithmetic in kernels and oracle is written for at most this many axes

bool is_float(DType type);           // f32, f16
bool is_quantized_type(DType type);  // i8, u8

Error bad_node(std::string message);  // Code::invalid_argument

// Between `required` and `most` inputs, the first `required` of them present.
Status check_inputs(Inputs inputs, size_t required, size_t most);
Status check_type(const TensorDesc& desc, const char* what, std::initializer_list<DType> allowed);
Status check_rank(const TensorDesc& desc, const char* what, size_t least, size_t most);
Status check_shape(const TensorDesc& desc, const char* what, const Shape& expected);
// A number known now, at least 1.
Status check_known(const Dim& dim, const char* what);
Status check_range(const char* what, int64_t value, int64_t least, int64_t most);
Status check_finite(const char* what, float value);
Status check_activation(const Activation& activation, bool integer_node);
// The bounds of an integer node that writes `type` (i8 or u8).
Status check_clamp(const ClampRange& clamp, DType type);
// M in [2^30, 2^31) or 0, T in 1..62.
Status check_multiplier(int32_t multiplier, int32_t shift);

// Axis in 0..rank-1 after negative ones were counted from the end.
Result<size_t> resolve_axis(int64_t axis, size_t rank, bool negative_allowed);

// A per-tensor quantization with a usable scale and zero point, or none.
Status check_quant(const TensorDesc& desc, const char* what);

// An output that moves elements of x unchanged: its type and quantization are x's. i4 and other than per-tensor
// quantization are refused.
Result<TensorDesc> like(const TensorDesc& x, const char* what, Shape shape);
// An integer output whose type and quantization are the declared ones (x's type and no quantization when new).
Result<TensorDesc> declared_quantized(Inputs inputs, const TensorDesc& x, Shape shape);

// Rank, sizes and element count of what infer() is about to return.
Result<Outputs> one_output(TensorDesc desc);

}  // namespace nibble

// The weight slots of Conv2d, ConvTranspose2d and Linear (conv_input in ops/conv2d.h) as numbers to compute with.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/conv2d.h"
#include "reference/args.h"

namespace nibble::reference {

// [O, I, kh, kw] or [N, K] in real numbers: scale[o] * multiplier[o, g] * q for quantized weights.
template <class T>
Result<std::vector<T>> real_weights(const Args<T>& args);

// The same as integers: multiplier[o, g] * q for int4, codebook[q] for lut4, q for int8.
template <class T>
std::vector<int64_t> integer_weights(const Args<T>& args);

// Adds bias[o] to all of y seen as [outer][O][inner].
template <class T>
void add_bias(const Args<T>& args, int64_t outer, int64_t outputs, int64_t inner);

// The multipliers and shifts of an integer node as requantize() takes them; an error for others.
template <class T>
Status check_factors(const Args<T>& args);

// y = clamp(z_y + requantize(sums[i], M[o], T[o]), min, max) over [outer][O][inner].
template <class T>
void requantize_sums(Args<T>& args, const std::vector<uint32_t>& sums, int64_t outer, int64_t outputs, int64_t inner,
                     const ClampRange& clamp);

// Integer sums before any product: bias[o] + z_x * sum of w[o], which stands for all of x at its zero point.
template <class T>
std::vector<uint32_t> initial_sums(const Args<T>& args, const std::vector<int64_t>& weights, int64_t outer,
                                   int64_t outputs, int64_t inner);

// x minus its zero point, modulo 2^32.
template <class T>
std::vector<uint32_t> centered(const BasicValue<T>& x);

std::vector<uint32_t> modular(const std::vector<int64_t>& values);

}  // namespace nibble::reference

// The order in which constants lie in a file (FORMAT.md, "Packed weights").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/tensor_desc.h"
#include "nibble/result.h"

namespace nibble {

// Bytes that a constant of this type, shape and packing takes in a file and in memory. Plain i4 and lut4 have one byte
// an element. An error for a free dimension, a type or rank that the packing does not know, and sizes beyond 2^62
// bytes.
Result<uint64_t> stored_bytes(const TensorDesc& desc);

// Row-major elements (i4: one int8 byte each, in [-8, 7]; lut4: one byte each, in [0, 15]) to the order desc.packing
// names; desc.type and desc.shape are those of the weights. Padding is zero.
Result<std::vector<std::byte>> pack_weights(const TensorDesc& desc, std::span<const std::byte> plain);

// The reverse: `packed` is stored_bytes(desc) long, the result row-major without padding (i4: one int8 byte an
// element).
Result<std::vector<std::byte>> unpack_weights(const TensorDesc& desc, std::span<const std::byte> packed);

}  // namespace nibble

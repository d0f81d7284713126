// Values of a session's inputs and outputs whatever their element type.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "media/npy.h"
#include "nibble/session.h"

namespace nibble::tools {

// Bytes of row-major elements of type info.type: what Session::read and Session::write want, by type.
Result<std::vector<std::byte>> read_bytes(const Session& session, const TensorInfo& info);
Status write_bytes(Session& session, const TensorInfo& info, std::span<const std::byte> bytes);

// Real numbers: f16 widened, quantized ones scale * (stored - zero_point), integers as they are.
std::vector<float> to_real(const TensorInfo& info, std::span<const std::byte> bytes);

// Elements of a float or quantized tensor: rounded, clamped. An error for tensors of plain integers, which real numbers
// do not fit.
Result<std::vector<std::byte>> from_real(const TensorInfo& info, std::span<const float> values);

// An array's values as elements of the tensor. The same type always fits; besides, floats fit floats and quantized
// tensors, i32 and i64 each other where the values allow it, u8 booleans. The error names both types.
Result<std::vector<std::byte>> elements_of(const TensorInfo& info, const media::NpyArray& array);

}  // namespace nibble::tools

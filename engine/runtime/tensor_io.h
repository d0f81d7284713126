// Elements as the host has them and as they lie on the device (kernels/step.h: Layout). Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/step.h"
#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble {

// Bytes of one element on the device: i64 lies there as i32.
size_t device_element_bytes(DType type);

// Row-major host elements to flat device elements. invalid_argument names the first value of i64 that does not fit in
// 32 bits; nothing is written then. `device` holds at least that many elements.
Status to_device(const TensorInfo& info, std::span<const std::byte> host, std::span<std::byte> device);

// Flat device elements to row-major host elements.
void to_host(DType type, std::span<const std::byte> device, std::span<std::byte> host);

// Elements in blocks of four to row-major host elements. `device` holds all units, of which there are enough for
// `info`.
std::vector<std::byte> unpack_blocked(const TensorInfo& info, const UnitShape& units,
                                      std::span<const std::byte> device);
std::vector<std::byte> unpack_flat(const TensorInfo& info, std::span<const std::byte> device);

// "'image' f32 [1, 3, 224, 224]", and a list of such for messages.
std::string describe(const TensorInfo& info);
std::string describe(std::span<const TensorInfo> infos);

// The tensor of that name; an empty name means the only one. The error lists what there is; `kind` is "input" or
// "output".
Result<size_t> find_tensor(std::span<const TensorInfo> infos, std::string_view name, const char* kind);

// Refuses values of another type or number than the tensor has. u8 stands for boolean too.
Status check_values(const TensorInfo& info, const char* kind, DType given, size_t count);

}  // namespace nibble

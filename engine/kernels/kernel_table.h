// All compiled kernels as one constant table. Rows come from shaders/kernels.cmake.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/caps.h"
#include "kernels/spirv_unpack.h"
#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble {

// One entry per kernel() family in shaders/kernels.cmake.
enum class Family : uint8_t {
#define NBL_FAMILY(name) name,
#include "kernels/families.inc"
#undef NBL_FAMILY
};
const char* to_string(Family family);

enum class ElementType : uint8_t { any = 0, f32, f16, i8, i4, u8, i32, lut4 };
const char* to_string(ElementType type);

// What a row matches: W weights, A activations, O output where it can differ from A.
struct KernelKey {
  ElementType weights = ElementType::any;
  ElementType activations = ElementType::any;
  ElementType output = ElementType::any;
  bool operator==(const KernelKey&) const = default;
};

struct Kernel {
  Family family;
  std::string_view name;  // <family>_w<bits>_<activation>[_<path>]
  KernelKey key;
  uint32_t needs = 0;                 // gpu::Caps bits
  std::optional<gpu::Int8Path> path;  // integer rows: which way they sum; others none
  uint32_t push_bytes = 0;            // sizeof its struct in shaders/params.h
};

std::span<const Kernel> kernel_table();
// Rows that exist but were not compiled into this library (NIBBLE_KERNELS_FOR): family, name and key.
std::span<const Kernel> absent_kernels();

// The code of all rows, in the order of the table, as it lies in the library.
PackedModules packed_kernels();

// The SPIR-V of a row of the table, unpacked: some hundred microseconds and as many kB. An internal error for an index
// outside the table.
Result<std::vector<uint32_t>> kernel_code(int32_t kernel);

// Of all that is compiled in: measurements of other kernels say nothing.
uint64_t kernel_table_hash();

// "gemm=gemm_w4_f32,conv2d=..." from the environment (NIBBLE_KERNEL) or SessionOptions.
struct KernelOverrides {
  std::vector<std::pair<std::string, std::string>> family_to_name;
  static Result<KernelOverrides> parse(std::string_view text);
  bool names(Family family) const;
  // A row of the family with these types.
  bool names(Family family, const KernelKey& key) const;
};

// Index of the first row of the family that matches the key, runs on the device and is the device's preferred path,
// else the first that runs; an error names what was asked for.
Result<int32_t> select(std::span<const Kernel> table, Family family, const KernelKey& key, const gpu::Caps& caps,
                       const KernelOverrides& overrides);

}  // namespace nibble

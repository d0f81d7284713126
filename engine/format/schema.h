// The generated FlatBuffers classes, and how a section of unknown origin becomes one of them. Internal to
// engine/format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/graph_generated.h"
#include "nibble/result.h"

namespace nibble::fbs {

// Limits of what is written and read.
inline constexpr size_t kMaxRank = 8;
inline constexpr size_t kMaxNameBytes = 2048;
inline constexpr size_t kMaxNodeInputs = 4096;
inline constexpr size_t kMaxNodeOutputs = 64;
inline constexpr size_t kMaxNodeAttributes = 64;
inline constexpr uint64_t kMaxFlatBytes = uint64_t{1} << 30;  // of one FlatBuffers section
inline constexpr uint8_t kOptionalAttribute = 1;

// The newest version of an operator that this library writes and reads.
uint16_t operator_version(uint16_t op_id);

// The section's root after FlatBuffers' verifier has passed it: from then on all offsets are inside the section. The
// bytes must begin at a multiple of 8.
Result<const Graph*> open_graph(std::span<const std::byte> section);
Result<const Metadata*> open_metadata(std::span<const std::byte> section);

template <class T>
std::span<const T> items(const flatbuffers::Vector<const T*>* vector) {
  if (!vector) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

template <class T>
std::span<const T> items(const flatbuffers::Vector<T>* vector) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 4, "the verifier looks after 4-byte alignment only");
  if (!vector) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

}  // namespace nibble::fbs

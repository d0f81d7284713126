// Index maps: every element of a region of the target comes from the element of the source whose coordinate along each
// axis depends on one coordinate of the target.
#pragma once

#include "kernels/lowering.h"

namespace nibble {

// What coordinates outside the source mean.
enum class Outside : int32_t { never = 0, constant = 1, reflect = 2, edge = 3, wrap = 4 };

// One axis of the target region; source coordinate = start + step * coordinate.
struct CopyAxis {
  int64_t size = 1;          // of the region
  int64_t target_begin = 0;  // where the region begins in the target
  int32_t source_axis = -1;  // -1: none
  int64_t start = 0;
  int64_t step = 1;
  Outside outside = Outside::never;
};

// Emits the step that fills the region. `from` may be flat, `to` is blocked; one axis per axis of `to` (for a scalar:
// one). `fill` is the bit pattern of the element read outside the source. Lanes behind the region become zero; a region
// that begins inside a unit keeps the lanes before it, so that regions of one target must be filled in ascending order.
Status emit_copy(Lowering& lowering, const Operand& from, const Operand& to, const std::vector<CopyAxis>& axes,
                 uint32_t fill = 0);

// The identity map of a shape: where each data movement operator starts from.
std::vector<CopyAxis> identity_axes(std::span<const int64_t> shape);

}  // namespace nibble

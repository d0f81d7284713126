// Copies by strides: Slice, Transpose, Expand.
#pragma once

#include "reference/strided.h"

namespace nibble::reference {

// y, walked in its own order (tensor 0), from places of x (tensor 1).
template <class E>
void copy_strided(const Walk<2>& walk, const E* x, E* y) {
  const int64_t step = walk.row_stride(1);
  walk.for_each_row([&](const std::array<int64_t, 2>& offsets) {
    for (int64_t i = 0; i < walk.row_length(); ++i) y[offsets[0] + i] = x[offsets[1] + i * step];
  });
}

}  // namespace nibble::reference

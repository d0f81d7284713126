// Random networks of convolutions, tables, sums and concatenations, for comparing plans of the same graph.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace nibble::test {

// Input "x" [batch, 6, 7, 9] of that type (i8, f32 or f16); images of one size throughout; `parts` times a convolution
// with what follows it, or another node; several outputs, some of which are read inside as well. The same seed gives
// the same network.
Graph random_network(DType type, int64_t batch, int parts, uint32_t seed);

}  // namespace nibble::test

// The size of a file that is not written.
#pragma once

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::compress {

// Bytes of the .nbl file of a quantized graph, packed; with `coded` its constants are entropy-coded.
Result<double> file_bytes_of(Graph graph, bool coded);

}  // namespace nibble::compress

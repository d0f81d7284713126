// Which kernels a network can ask for, whatever device it comes to: what a build for known networks has to carry.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::tools {

// Names of rows of the kernel table, in its order: those that plans for devices at both ends of every choice take (CPU
// and GPU, the least of Vulkan 1.1 and all that there is; fused or with every tensor kept), and every other row for the
// same types, which a device may prefer or tuning may find faster. Free dimensions that `dims` does not name are
// planned as 1 and as larger sizes. Fails where no plan can be made.
Result<std::vector<std::string>> needed_kernels(const Graph& graph, const DimBindings& dims);

}  // namespace nibble::tools

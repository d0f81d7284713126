// The --dim option of the converter's tools.
#pragma once

#include <string>
#include <vector>

#include "graph/dim.h"

namespace nibble {

// "N=4" each, as bindings. Throws CLI::ValidationError for anything else, to be caught with the parser's own errors.
DimBindings parse_dims(const std::vector<std::string>& texts);

}  // namespace nibble

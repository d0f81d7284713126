// The library's version: semantic versioning.
#pragma once

#include "nibble/export.h"

#define NBL_VERSION_MAJOR 0
#define NBL_VERSION_MINOR 1
#define NBL_VERSION_PATCH 0

namespace nibble {

// "0.1.0", of the library that runs (the macros tell of the headers it was compiled with).
NBL_API const char* version();

}  // namespace nibble

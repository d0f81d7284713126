// Whole small files into memory, with errors that say what the path turned out to be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::media {

// All bytes of a regular file of 1 to `limit` bytes. A missing, empty, oversized or unreadable file, a directory and a
// device or pipe (which could block for ever) are errors; every message begins with the path.
Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit);

// The first `count` bytes of a regular file (fewer where it is shorter, none where it is empty).
Result<std::vector<uint8_t>> read_start_of_file(const std::string& path, size_t count);

}  // namespace nibble::media
